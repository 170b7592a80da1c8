import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { replaceKernel } from './replace-kernel.js';
import { GROUP, runShader } from './shader.js';

/** Suppression on the device, which the package lacks: its others read boxes and scores on the host. */
export function registerSuppression(): void {
  replaceKernel('NonMaxSuppressionV4', ({ inputs, attrs, backend }) => {
    const { boxes, scores } = inputs as Record<'boxes' | 'scores', tf.Tensor>;
    const { maxOutputSize, iouThreshold, scoreThreshold, padToMaxOutputSize } =
      attrs as unknown as tf.NonMaxSuppressionV4Attrs;
    if (!padToMaxOutputSize)
      throw new Error('nonMaxSuppressionPadded: without padding the length of the result is known on the device alone');
    return tf.tidy(() => {
      // The chosen, how many they are, and a mark for each box that is out.
      const state = runShader(
        {
          key: 'NonMaxSuppression',
          code: SUPPRESS,
          inputs: { B: boxes, S: scores },
          shape: [maxOutputSize + 1 + scores.size],
          dtype: 'int32',
          whole: { most: maxOutputSize },
          floats: { overlap: iouThreshold, least: scoreThreshold },
          groups: 1,
        },
        backend as WebGPUBackend,
      );
      const all = tf.engine().makeTensorFromTensorInfo(state);
      return [tf.slice(all, [0], [maxOutputSize]), tf.reshape(tf.slice(all, [maxOutputSize], [1]), [])];
    });
  });
}

// One group of threads: the best of what is left is chosen, then every box that it covers is marked.
const SUPPRESS = `
var<workgroup> values : array<f32, ${GROUP}>;
var<workgroup> places : array<i32, ${GROUP}>;
var<workgroup> chosen : i32;

// Ordered by their corners.
fn boxAt(i : i32) -> vec4<f32> {
  let p = vec2<f32>(getB(i, 0), getB(i, 1));
  let q = vec2<f32>(getB(i, 2), getB(i, 3));
  return vec4<f32>(min(p, q), max(p, q));
}

fn overlapOf(a : vec4<f32>, b : vec4<f32>) -> f32 {
  let areaA = (a.z - a.x) * (a.w - a.y);
  let areaB = (b.z - b.x) * (b.w - b.y);
  if (areaA <= 0.0 || areaB <= 0.0) { return 0.0; }
  let side = max(min(a.zw, b.zw) - max(a.xy, b.xy), vec2<f32>(0.0));
  let both = side.x * side.y;
  return both / (areaA + areaB - both);
}

fn main(index : i32) {
  let lane = i32(localId.x);
  let count = uniforms.sShape;
  let marks = uniforms.most + 1;
  for (var i = lane; i < marks; i += ${GROUP}) { setOutputAtIndexI32(i, 0); }
  for (var i = lane; i < count; i += ${GROUP}) { setOutputAtIndexI32(marks + i, i32(getS(i) > uniforms.least) - 1); }
  storageBarrier();
  for (var k = 0; k < uniforms.most; k++) {
    var place = -1;
    var value = 0.0;
    for (var i = lane; i < count; i += ${GROUP}) {
      if (result[marks + i] == 0 && (place < 0 || getS(i) > value)) { place = i; value = getS(i); }
    }
    values[lane] = value;
    places[lane] = place;
    workgroupBarrier();
    if (lane == 0) {
      for (var i = 1; i < ${GROUP}; i++) {
        if (places[i] >= 0 &&
            (place < 0 || values[i] > value || (values[i] == value && places[i] < place))) {
          place = places[i];
          value = values[i];
        }
      }
      chosen = place;
      if (place >= 0) {
        setOutputAtIndexI32(k, place);
        setOutputAtIndexI32(uniforms.most, k + 1);
        setOutputAtIndexI32(marks + place, -1);
      }
    }
    let best = workgroupUniformLoad(&chosen);
    if (best < 0) { break; }
    let box = boxAt(best);
    for (var i = lane; i < count; i += ${GROUP}) {
      if (result[marks + i] == 0 && overlapOf(box, boxAt(i)) >= uniforms.overlap) { setOutputAtIndexI32(marks + i, -1); }
    }
    storageBarrier();
  }
}`;
