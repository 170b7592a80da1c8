import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { runOnHost } from './on-host.js';
import { replaceKernel } from './replace-kernel.js';

type Call = Parameters<tf.KernelConfig['kernelFunc']>[0];
type Cells = ReturnType<BackendWasm['typedArrayFromHeap']>;

/**
 * What is no number must not become one: a loss would stay finite that is none. The package's kernels compare to bound
 * what they give, and what compares as neither less nor more comes out as the bound.
 */
export function registerNoNumber(): void {
  for (const kernel of ['Conv2D', 'DepthwiseConv2dNative']) {
    const stock = tf.getKernel(kernel, 'wasm').kernelFunc;
    replaceKernel(kernel, (call) => {
      const output = stock(call) as tf.TensorInfo;
      if (hasLowest(output, call.backend as BackendWasm)) tellApart(stock, call, output);
      return output;
    });
  }
  const pool = tf.getKernel('MaxPool', 'wasm').kernelFunc;
  replaceKernel('MaxPool', (call) => {
    const output = pool(call) as tf.TensorInfo;
    const wasm = call.backend as BackendWasm;
    if (!hasLowest(output, wasm)) return output;
    wasm.disposeData(output.dataId);
    return runOnHost('MaxPool', call.inputs, call.attrs, wasm);
  });
  const clip = tf.getKernel('ClipByValue', 'wasm').kernelFunc;
  replaceKernel('ClipByValue', (call) => {
    const output = clip(call) as tf.TensorInfo;
    const wasm = call.backend as BackendWasm;
    const [to, from] = [wasm.typedArrayFromHeap(output), wasm.typedArrayFromHeap(call.inputs['x'] as tf.TensorInfo)];
    for (let i = 0; i < from.length; i++) if (from[i] !== from[i]) to[i] = NaN;
    return output;
  });
  replaceKernel('Maximum', (call) => pairwise(call, larger));
  replaceKernel('Minimum', (call) => pairwise(call, smaller));
}

/** The bits of -Infinity. */
const LOWEST = 0xff800000 | 0;

function hasLowest(of: tf.TensorInfo, wasm: BackendWasm): boolean {
  const { buffer, byteOffset, length } = wasm.typedArrayFromHeap(of);
  return new Int32Array(buffer, byteOffset, length).indexOf(LOWEST) >= 0;
}

/** Of a true -Infinity the same convolution by the negated kernel is Infinity; of what is no number it is the bound. */
function tellApart(stock: tf.KernelConfig['kernelFunc'], call: Call, output: tf.TensorInfo): void {
  const wasm = call.backend as BackendWasm;
  const filter = tf.neg(call.inputs['filter'] as tf.Tensor);
  const other = stock({ ...call, inputs: { ...call.inputs, filter } }) as tf.TensorInfo;
  const [to, from] = [wasm.typedArrayFromHeap(output), wasm.typedArrayFromHeap(other)];
  for (let i = 0; i < to.length; i++) if (to[i] === -Infinity && from[i] === -Infinity) to[i] = NaN;
  wasm.disposeData(other.dataId);
  filter.dispose();
}

type Pairwise = (to: Cells, a: Cells, b: Cells, row: Row) => void;
/** Where a row of the result and of both operands begins, how long it is, and whether an operand goes on in it. */
interface Row {
  readonly start: number;
  readonly length: number;
  readonly a: number;
  readonly b: number;
  readonly stepA: 0 | 1;
  readonly stepB: 0 | 1;
}

const larger: Pairwise = (to, a, b, { start, length, a: i, b: j, stepA, stepB }) => {
  for (let k = 0; k < length; k++) to[start + k] = Math.max(a[i + k * stepA]!, b[j + k * stepB]!);
};
const smaller: Pairwise = (to, a, b, { start, length, a: i, b: j, stepA, stepB }) => {
  for (let k = 0; k < length; k++) to[start + k] = Math.min(a[i + k * stepA]!, b[j + k * stepB]!);
};

function pairwise({ inputs, backend }: Call, run: Pairwise): tf.TensorInfo {
  const wasm = backend as BackendWasm;
  const { a, b } = inputs as Record<'a' | 'b', tf.TensorInfo>;
  const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
  const output = wasm.makeOutput(shape, a.dtype);
  const cells = [output, a, b].map((one) => wasm.typedArrayFromHeap(one)) as [Cells, Cells, Cells];
  for (const row of rowsOf(shape, a.shape, b.shape)) run(...cells, row);
  return output;
}

/** As few rows as there can be: axes that follow each other are one where neither operand is broadcast, or the same. */
function* rowsOf(shape: readonly number[], a: readonly number[], b: readonly number[]): Generator<Row> {
  const axes: { size: number; inA: boolean; inB: boolean }[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const goesOn = (of: readonly number[]): boolean => (of[axis - shape.length + of.length] ?? 1) !== 1;
    const one = { size, inA: goesOn(a), inB: goesOn(b) };
    const last = axes.at(-1);
    if (last?.inA === one.inA && last.inB === one.inB) last.size *= size;
    else axes.push(one);
  });
  const { size: length, inA, inB } = axes.pop() ?? { size: tf.util.sizeFromShape([...shape]), inA: false, inB: false };
  const rows = axes.reduce((count, { size }) => count * size, 1);
  const strides = (of: 'inA' | 'inB', inner: number): number[] => {
    let next = inner;
    return axes
      .map((_, k) => axes[axes.length - 1 - k]!)
      .map((axis) => (axis[of] ? (next *= axis.size) / axis.size : 0));
  };
  const [ofA, ofB] = [strides('inA', inA ? length : 1), strides('inB', inB ? length : 1)];
  const sizes = axes.map(({ size }) => size).reverse();
  for (let row = 0; row < rows; row++) {
    let [rest, atA, atB] = [row, 0, 0];
    for (let k = 0; k < sizes.length; k++) {
      const place = rest % sizes[k]!;
      rest = (rest - place) / sizes[k]!;
      atA += place * ofA[k]!;
      atB += place * ofB[k]!;
    }
    yield { start: row * length, length, a: atA, b: atB, stepA: inA ? 1 : 0, stepB: inB ? 1 : 0 };
  }
}
