import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { composeKernel, replaceKernel } from './replace-kernel.js';
import { GROUP, runShader } from './shader.js';

/** What each of them is of nothing. */
const OF_NOTHING = { Sum: 0, Mean: NaN, Prod: 1, Max: -Infinity, Min: Infinity, All: 1, Any: 0 };

export function registerReductions(): void {
  for (const [kernel, value] of Object.entries(OF_NOTHING)) {
    const stock = tf.getKernel(kernel, 'webgpu').kernelFunc;
    replaceKernel(kernel, (call) => {
      const x = call.inputs['x'] as tf.TensorInfo;
      if (tf.util.sizeFromShape(x.shape) > 0) return stock(call);
      const { axis, keepDims } = call.attrs as unknown as { axis: number | number[]; keepDims: boolean };
      const axes = tf.util.parseAxisParam(axis, x.shape);
      const [shape] = tf.backend_util.computeOutAndReduceShapes(x.shape, axes);
      const dtype = kernel === 'Sum' ? tf.sumOutType(x.dtype) : kernel === 'Mean' ? 'float32' : x.dtype;
      return tf.fill(keepDims ? tf.backend_util.expandShapeToKeepDim(shape, axes) : shape, value, dtype as 'float32');
    });
  }
  const gather = tf.getKernel('GatherV2', 'webgpu').kernelFunc;
  replaceKernel('GatherV2', (call) => {
    const { x, indices } = call.inputs as Record<'x' | 'indices', tf.TensorInfo>;
    const { axis, batchDims } = call.attrs as unknown as tf.GatherV2Attrs;
    const [along] = tf.util.parseAxisParam(axis, x.shape) as [number];
    const shape = [...x.shape.slice(0, along), ...indices.shape.slice(batchDims), ...x.shape.slice(along + 1)];
    return tf.util.sizeFromShape(shape) > 0 ? gather(call) : tf.zeros(shape, x.dtype as 'float32');
  });
  const segmentSum = tf.getKernel('UnsortedSegmentSum', 'webgpu').kernelFunc;
  replaceKernel('UnsortedSegmentSum', (call) => {
    const { x, segmentIds } = call.inputs as Record<'x' | 'segmentIds', tf.Tensor>;
    const count = call.attrs!['numSegments'] as number;
    if (tf.util.sizeFromShape(x.shape) === 0)
      return tf.zeros([count, ...x.shape.slice(segmentIds.shape.length)], x.dtype as 'float32');
    // One behind the last would begin again with the first.
    return tf.tidy(() => {
      const known = tf.where(tf.less(segmentIds, count), segmentIds, tf.scalar(-1, 'int32'));
      return segmentSum({ ...call, inputs: { x, segmentIds: known } }) as tf.Tensor;
    });
  });
  // The program of a sum from the end is kept by its direction, with the length of the first one in it.
  for (const [kernel, sum] of [
    ['Cumsum', tf.cumsum],
    ['Cumprod', tf.cumprod],
  ] as const) {
    const stock = tf.getKernel(kernel, 'webgpu').kernelFunc;
    replaceKernel(kernel, (call) => {
      const { axis, exclusive, reverse } = call.attrs as unknown as tf.CumsumAttrs;
      if (!reverse) return stock(call);
      return tf.tidy(() => tf.reverse(sum(tf.reverse(call.inputs['x'] as tf.Tensor, axis), axis, exclusive), axis));
    });
  }
  composeKernel<tf.ArgMaxAttrs>('ArgMax', ({ x }, { axis }) => argMax(x!, axis));
}

/** Of equal ones the first: along a long axis the package's takes any. */
function argMax(x: tf.Tensor, axis: number): tf.Tensor {
  const [along] = tf.util.parseAxisParam(axis, x.shape) as [number];
  const rest = x.shape.filter((_, i) => i !== along);
  const last = tf.transpose(x, [...x.shape.keys()].filter((i) => i !== along).concat(along));
  const rows = tf.util.sizeFromShape(rest);
  const flat = tf.reshape(last, [rows, x.shape[along]!]);
  const backend = tf.backend() as WebGPUBackend;
  const found = runShader(
    { key: 'ArgMax', code: ARG_MAX, inputs: { A: flat }, shape: [rows], dtype: 'int32', groups: rows },
    backend,
  );
  return tf.reshape(tf.engine().makeTensorFromTensorInfo(found), rest);
}

const ARG_MAX = `
var<workgroup> values : array<f32, ${GROUP}>;
var<workgroup> places : array<i32, ${GROUP}>;

fn main(index : i32) {
  let row = index / ${GROUP};
  let lane = i32(localId.x);
  let length = uniforms.aShape.y;
  var place = -1;
  var value = 0.0;
  if (row < uniforms.size) {
    for (var i = lane; i < length; i += ${GROUP}) {
      let one = getA(row, i);
      if (place < 0 || one > value) { place = i; value = one; }
    }
  }
  values[lane] = value;
  places[lane] = place;
  workgroupBarrier();
  for (var half = ${GROUP / 2}; half > 0; half /= 2) {
    if (lane < half && places[lane + half] >= 0) {
      let better = values[lane + half] > values[lane] ||
        (values[lane + half] == values[lane] && places[lane + half] < places[lane]);
      if (places[lane] < 0 || better) {
        values[lane] = values[lane + half];
        places[lane] = places[lane + half];
      }
    }
    workgroupBarrier();
  }
  if (lane == 0 && row < uniforms.size) { setOutputAtIndexI32(row, places[0]); }
}`;
