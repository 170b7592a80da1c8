import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { replaceKernel } from './replace-kernel.js';

type Info = tf.TensorInfo;
type Cells = ReturnType<BackendWasm['typedArrayFromHeap']>;

/** Kernels as loops over the memory of WebAssembly itself, where its own are missing or wrong. */
export function registerHostLoops(): void {
  // The package's own casts to all other types rightly.
  const stockCast = tf.getKernel('Cast', 'wasm').kernelFunc;
  loop('OneHot', ({ indices }, attributes, wasm) => oneHot(indices!, attributes as unknown as tf.OneHotAttrs, wasm));
  replaceKernel('Cast', (call) =>
    call.attrs!['dtype'] === 'bool' ? truth(call.inputs['x'] as Info, call.backend as BackendWasm) : stockCast(call),
  );
  // The package's writes four bytes for each truth, over what lies behind them.
  const stockReverse = tf.getKernel('Reverse', 'wasm').kernelFunc;
  replaceKernel('Reverse', (call) => {
    const x = call.inputs['x'] as tf.Tensor;
    const { dims } = call.attrs as unknown as tf.ReverseAttrs;
    return x.dtype === 'bool'
      ? tf.tidy(() => tf.cast(tf.reverse(tf.cast(x, 'int32'), dims), 'bool'))
      : stockReverse(call);
  });
  loop('GatherV2', ({ x, indices }, { axis, batchDims }, wasm) =>
    gather(x!, indices!, { axis: axis as number, batchDims: batchDims as number }, wasm),
  );
  loop('UnsortedSegmentSum', ({ x, segmentIds }, { numSegments }, wasm) =>
    segmentSum(x!, segmentIds!, numSegments as number, wasm),
  );
  loop('MaxPoolGrad', ({ dy, input }, attributes, wasm) =>
    maxPoolGradient(dy!, input!, attributes as unknown as tf.MaxPoolGradAttrs, wasm),
  );
}

function loop(
  kernelName: string,
  run: (inputs: Record<string, Info>, attributes: Record<string, unknown>, wasm: BackendWasm) => Info,
): void {
  replaceKernel(kernelName, ({ inputs, attrs, backend }) =>
    run(inputs as Record<string, Info>, attrs as Record<string, unknown>, backend as BackendWasm),
  );
}

/** The package's writes whole numbers, whatever the type of the result. */
function oneHot(indices: Info, { depth, onValue, offValue, dtype }: tf.OneHotAttrs, wasm: BackendWasm): Info {
  const output = wasm.makeOutput([...indices.shape, depth], dtype);
  const to = wasm.typedArrayFromHeap(output).fill(offValue);
  const at = wasm.typedArrayFromHeap(indices);
  for (let i = 0; i < at.length; i++) if (at[i]! >= 0 && at[i]! < depth) to[i * depth + at[i]!] = onValue;
  return output;
}

/** The package's takes the low byte of a number for its truth. */
function truth(x: Info, wasm: BackendWasm): Info {
  const output = wasm.makeOutput(x.shape, 'bool');
  const to = wasm.typedArrayFromHeap(output);
  const from = wasm.typedArrayFromHeap(x);
  for (let i = 0; i < from.length; i++) to[i] = from[i] === 0 ? 0 : 1;
  return output;
}

/** The package's reads the first image for all of them, and gives nothing of nothing another shape. */
function gather(
  x: Info,
  indices: Info,
  { axis, batchDims }: { readonly axis: number; readonly batchDims: number },
  wasm: BackendWasm,
): Info {
  const [along] = tf.util.parseAxisParam(axis, x.shape) as [number];
  const size = x.shape[along]!;
  const count = tf.util.sizeFromShape(indices.shape.slice(batchDims)); // indices of one image
  const batch = tf.util.sizeFromShape(x.shape.slice(0, batchDims));
  const outer = tf.util.sizeFromShape(x.shape.slice(batchDims, along));
  const inner = tf.util.sizeFromShape(x.shape.slice(along + 1));
  const shape = [...x.shape.slice(0, along), ...indices.shape.slice(batchDims), ...x.shape.slice(along + 1)];
  const output = wasm.makeOutput(shape, x.dtype);
  const [to, from, at] = [output, x, indices].map((one) => wasm.typedArrayFromHeap(one)) as [Cells, Cells, Cells];
  for (let b = 0, end = 0; b < batch; b++)
    for (let row = 0; row < outer; row++)
      for (let i = 0; i < count; i++, end += inner) {
        const index = at[b * count + i]!;
        if (index < 0 || index >= size) throw new Error(`gather: the index ${index} is not in [0, ${size - 1}]`);
        const start = ((b * outer + row) * size + index) * inner;
        if (inner < 16) for (let k = 0; k < inner; k++) to[end + k] = from[start + k]!;
        else to.set(from.subarray(start, start + inner) as never, end);
      }
  return output;
}

/** x [...segmentIds.shape, ...inner] -> [numSegments, ...inner]; an id outside of [0, numSegments) goes nowhere. */
function segmentSum(x: Info, segmentIds: Info, segments: number, wasm: BackendWasm): Info {
  const inner = x.shape.slice(segmentIds.shape.length);
  const output = wasm.makeOutput([segments, ...inner], x.dtype);
  const size = tf.util.sizeFromShape(inner);
  const to = wasm.typedArrayFromHeap(output).fill(0);
  const from = wasm.typedArrayFromHeap(x);
  const ids = wasm.typedArrayFromHeap(segmentIds);
  for (let row = 0; row < ids.length; row++) {
    const start = ids[row]! * size;
    if (start < 0 || start >= to.length) continue;
    for (let i = 0; i < size; i++) to[start + i] = to[start + i]! + from[row * size + i]!;
  }
  return output;
}

/** Each gradient goes to the first of the largest: the package's errs below 0 and beyond the first image. */
function maxPoolGradient(
  dy: Info,
  input: Info,
  { filterSize, strides, pad, dimRoundingMode }: tf.MaxPoolGradAttrs,
  wasm: BackendWasm,
): Info {
  const info = tf.backend_util.computePool2DInfo(
    input.shape as [number, number, number, number],
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  const { batchSize, inChannels: channels, inHeight, inWidth, outHeight, outWidth } = info;
  const { strideHeight, strideWidth, filterHeight, filterWidth, padInfo } = info;
  const output = wasm.makeOutput(input.shape, 'float32');
  const to = wasm.typedArrayFromHeap(output).fill(0);
  const from = wasm.typedArrayFromHeap(input);
  const gradients = wasm.typedArrayFromHeap(dy);
  for (let b = 0, cell = 0; b < batchSize; b++)
    for (let row = 0; row < outHeight; row++) {
      const top = Math.max(0, row * strideHeight - padInfo.top);
      const bottom = Math.min(inHeight, row * strideHeight - padInfo.top + filterHeight);
      for (let column = 0; column < outWidth; column++) {
        const left = Math.max(0, column * strideWidth - padInfo.left);
        const right = Math.min(inWidth, column * strideWidth - padInfo.left + filterWidth);
        for (let c = 0; c < channels; c++, cell++) {
          let best = -1;
          for (let y = top; y < bottom; y++)
            for (let x = left; x < right; x++) {
              const at = ((b * inHeight + y) * inWidth + x) * channels + c;
              // One that is no number counts as the largest.
              if (best < 0 || from[at]! > from[best]! || (from[at]! !== from[at]! && from[best]! === from[best]!))
                best = at;
            }
          if (best >= 0) to[best] = to[best]! + gradients[cell]!;
        }
      }
    }
  return output;
}
