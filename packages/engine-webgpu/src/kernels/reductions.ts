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
  // The package's leaves the numbers beside one that is none as they were.
  composeKernel<tf.SoftmaxAttrs>('Softmax', ({ logits }, { dim }) => {
    const powers = tf.exp(tf.sub(logits!, tf.max(logits!, dim, true)));
    return tf.div(powers, tf.sum(powers, dim, true));
  });
  composeKernel<tf.ArgMaxAttrs>('ArgMax', ({ x }, { axis }) => argMax(x!, axis));
}

/** From so many rows on, a thread for each is enough for any card. */
const MANY_ROWS = 4096;
/** So short a row is not worth more than one thread. */
const SHORT = 32;

/** Of equal ones the first: along a long axis the package's takes any. */
function argMax(x: tf.Tensor, axis: number): tf.Tensor {
  const [along] = tf.util.parseAxisParam(axis, x.shape) as [number];
  const length = x.shape[along]!;
  const rest = x.shape.filter((_, i) => i !== along);
  const rows = tf.util.sizeFromShape(rest);
  const inner = tf.util.sizeFromShape(x.shape.slice(along + 1));
  const parts = tf.reshape(x, [rows / inner, length, inner]);
  const alone = length <= SHORT || rows >= MANY_ROWS;
  const found = runShader(
    {
      key: alone ? 'ArgMax' : 'ArgMax in groups',
      code: alone ? ARG_MAX : ARG_MAX_IN_GROUPS,
      inputs: { A: parts },
      shape: [rows],
      dtype: 'int32',
      ...(!alone && { groups: rows }),
    },
    tf.backend() as WebGPUBackend,
  );
  return tf.reshape(tf.engine().makeTensorFromTensorInfo(found), rest);
}

/** The best of every `step`-th of a row, from `first` on. */
const BEST_OF_ROW = `
struct Best { place : i32, value : f32 };

fn bestOf(row : i32, first : i32, step : i32) -> Best {
  var best = Best(-1, 0.0);
  for (var i = first; i < uniforms.aShape.y; i += step) {
    let one = getA(row / uniforms.aShape.z, i, row % uniforms.aShape.z);
    if (best.place < 0 || one > best.value) { best = Best(i, one); }
  }
  return best;
}`;

const ARG_MAX = `${BEST_OF_ROW}
fn main(index : i32) {
  if (index < uniforms.size) { setOutputAtIndexI32(index, bestOf(index, 0, 1).place); }
}`;

const ARG_MAX_IN_GROUPS = `${BEST_OF_ROW}
var<workgroup> bests : array<Best, ${GROUP}>;

fn main(index : i32) {
  let row = index / ${GROUP};
  let lane = i32(localId.x);
  bests[lane] = Best(-1, 0.0);
  if (row < uniforms.size) { bests[lane] = bestOf(row, lane, ${GROUP}); }
  workgroupBarrier();
  for (var half = ${GROUP / 2}; half > 0; half /= 2) {
    if (lane < half && bests[lane + half].place >= 0) {
      let other = bests[lane + half];
      let better = other.value > bests[lane].value ||
        (other.value == bests[lane].value && other.place < bests[lane].place);
      if (bests[lane].place < 0 || better) { bests[lane] = other; }
    }
    workgroupBarrier();
  }
  if (lane == 0 && row < uniforms.size) { setOutputAtIndexI32(row, bests[0].place); }
}`;
