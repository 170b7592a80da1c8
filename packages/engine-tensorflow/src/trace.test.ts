import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { beforeEach, expect, it } from 'vitest';
import { needsTensorflow } from '../../../tests/needs-tensorflow.js';
import type { Binding } from './binding.js';
import { ranOps } from './compile/ran-ops.js';
import { currentBackend, runOp } from './run-op.js';
import { idOf, startTensorflow, traced } from './testing/traced.js';

let binding: Binding;
let held: number;

needsTensorflow(startTensorflow, () => void ({ binding } = currentBackend()));
beforeEach(() => {
  held = binding.getNumOfTensors();
  return () => expect(binding.getNumOfTensors()).toBe(held);
});

const numbers = (shape: number[], seed = 7): tf.Tensor => tf.randomNormal(shape, 0, 1, 'float32', seed);

/** The traced function gives what the eager one gives, on what it was traced on and on other values. */
function same(f: (...args: tf.Tensor[]) => tf.Tensor[], ...shapes: number[][]): void {
  tf.tidy(() => {
    const args = shapes.map((shape, i) => numbers(shape, i + 1));
    const { fn, call } = traced(f, args);
    for (const values of [args, shapes.map((shape, i) => numbers(shape, i + 11))]) {
      const eager = tf.tidy(() => f(...values));
      const compiled = call(...values);
      expect(compiled.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
        eager.map(({ shape, dtype }) => ({ shape, dtype })),
      );
      compiled.forEach((tensor, i) => {
        const expected = eager[i]!.dataSync();
        tensor.dataSync().forEach((value, j) => expect(value).toBeCloseTo(expected[j]!, 4));
      });
    }
    binding.removeFunction(fn);
  });
}

it('gives a convolution with its gradients', () => {
  same(
    (x, k) =>
      tf.grads((a, b) => tf.sum(tf.square(tf.relu(tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 2, 1)))))([x!, k!]),
    [2, 9, 9, 3],
    [3, 3, 3, 4],
  );
});

it('gives slices with masks, reductions, broadcasts, comparisons and several outputs of one op', () => {
  same((x) => [tf.stridedSlice(x!, [0, 1], [3, 7], [1, 2], 1, 2), tf.slice(x!, [1, 0], [2, -1])], [4, 8]);
  same((x) => tf.split(tf.softmax(tf.concat([x!, tf.mul(x!, 2)], 1)), 4, 1), [3, 8]);
  same(
    (x) => [
      tf.mean(x!, 0),
      tf.argMax(x!, 1),
      tf.any(tf.greater(x!, 1)),
      tf.pad(x!, [
        [1, 0],
        [0, 2],
      ]),
    ],
    [4, 8],
  );
  same(
    (x) => [tf.where(tf.greater(x!, 0), x!, tf.zerosLike(x!)), tf.cumsum(x!, 1), tf.oneHot(tf.argMax(x!, 1), 8)],
    [4, 8],
  );
  same((x) => [tf.addN([x!, x!, tf.ones([4, 8])]), tf.stack([x!, x!]), tf.gather(x!, [2, 0])], [4, 8]);
});

it('gives a model of layers', () => {
  const model = layers.sequential({
    layers: [
      layers.layers.conv2d({ filters: 4, kernelSize: 3, inputShape: [8, 8, 3], activation: 'relu' }),
      layers.layers.batchNormalization(),
      layers.layers.flatten(),
      layers.layers.dense({ units: 5, activation: 'softmax' }),
    ],
  });
  tf.dispose(model.predict(tf.zeros([1, 8, 8, 3]))); // Makes what the layers keep for themselves.
  held = binding.getNumOfTensors();
  same((x) => [model.predict(x!) as tf.Tensor], [2, 8, 8, 3]);
  expect(binding.getNumOfTensors()).toBe(held);
  model.dispose();
  held = binding.getNumOfTensors();
});

it('captures tensors from before it, in order, and reads them anew at every call', () => {
  const variable = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])));
  const [x, factor] = [tf.tensor1d([10, 20]), tf.scalar(3)];
  [variable, factor].forEach(idOf);
  const { fn, captured } = traced((a) => [tf.mul(tf.add(a!, variable), factor)], [x]);
  expect(captured).toEqual([idOf(variable), idOf(factor)]);
  expect(binding.traceStats(fn)).toEqual({ ops: 2, constants: 0, bytes: 0 });
  tf.tidy(() => variable.assign(tf.tensor1d([5, 5])));
  const [result] = binding.callFunction(fn, [idOf(x), idOf(variable), idOf(factor)]);
  expect(binding.tensorDataSync(result!.id)).toEqual(new Float32Array([45, 75]));
  binding.deleteTensor(result!.id);
  binding.removeFunction(fn);
  tf.dispose([x, factor, variable]);
});

it('gives gradients by variables', () => {
  const w = tf.tidy(() => tf.variable(tf.tensor2d([1, 2, 3, 4], [2, 2]), true));
  const loss = (x: tf.Tensor): tf.Tensor[] => {
    const { value, grads } = tf.variableGrads(
      () => tf.sum(tf.square(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D))),
      [w],
    );
    return [value, grads[w.name]!];
  };
  idOf(w);
  const x = tf.tensor2d([1, 2], [1, 2]);
  const { fn, call } = traced((a) => loss(a!), [x]);
  const [value, gradient] = call(x);
  expect(value!.dataSync()[0]).toBe(149);
  expect(gradient!.dataSync()).toEqual(new Float32Array([14, 20, 28, 40]));
  binding.removeFunction(fn);
  tf.dispose([w, x, value!, gradient!]);
});

it('keeps what is created within it as constants, and fills large ones of one value', () => {
  tf.tidy(() => {
    const x = tf.zeros([100, 100]);
    const { fn, call } = traced(
      (a) => [tf.add(tf.add(a!, tf.ones([100, 100])), tf.tensor1d([...Array(100).keys()]))],
      [x],
    );
    const { constants, bytes } = binding.traceStats(fn);
    expect({ constants, small: bytes < 500 }).toEqual({ constants: 3, small: true });
    expect(call(x)[0]!.arraySync()).toEqual(
      Array.from({ length: 100 }, () => Array.from({ length: 100 }, (_, i) => i + 1)),
    );
    binding.removeFunction(fn);
  });
});

it('holds constants of one type, shape and value once', () => {
  tf.tidy(() => {
    const { fn, call } = traced(
      (a) => [
        tf.stack([
          tf.add(a!, tf.tensor1d([1, 2])),
          tf.add(a!, tf.tensor1d([1, 2])),
          tf.add(a!, tf.tensor1d([2, 1])),
          tf.reshape(tf.add(tf.reshape(a!, [2, 1]), tf.tensor2d([1, 2], [2, 1])), [2]),
        ]),
      ],
      [tf.tensor1d([0, 0])],
    );
    // Three of values, and the shapes [2, 1] and [2] of the reshapes.
    expect(binding.traceStats(fn).constants).toBe(5);
    expect(call(tf.tensor1d([10, 20]))[0]!.arraySync()).toEqual([
      [11, 22],
      [11, 22],
      [12, 21],
      [11, 22],
    ]);
    binding.removeFunction(fn);
  });
});

it('has one node for what is computed twice, but other ones for other attributes and for ops with effects', () => {
  const draw = (): tf.Tensor =>
    runOp(
      'RandomUniform',
      [
        { name: 'dtype', type: 'type', value: 'float32' },
        { name: 'T', type: 'type', value: 'int32' },
      ],
      [tf.tensor1d([3], 'int32')],
      1,
    )[0]!;
  const traceOf = (...results: ((x: tf.Tensor) => tf.Tensor)[]): { ops: number; values: string[] } =>
    tf.tidy(() => {
      const x = numbers([3, 3]);
      const { fn, call } = traced((a) => results.map((result) => result(a!)), [x]);
      const values = call(x).map((tensor) => tensor.dataSync().join());
      const { ops } = binding.traceStats(fn);
      binding.removeFunction(fn);
      return { ops, values };
    });
  const sum = (x: tf.Tensor): tf.Tensor => tf.sum(x, 0);
  const one = traceOf(sum);
  expect(traceOf(sum, sum)).toEqual({ ops: one.ops, values: [one.values[0], one.values[0]] });
  expect(traceOf(sum, (x) => tf.sum(x, 0, true)).ops).toBeGreaterThan(one.ops);
  const drawn = traceOf(draw, draw);
  expect(drawn.ops).toBe(2);
  expect(drawn.values[0]).not.toBe(drawn.values[1]);
});

it('lets a tensor whose values were written within the trace live on after it', () => {
  tf.tidy(() => {
    const late = tf.tensor1d([1, 2]); // Its values go to TensorFlow when an op first takes them: in the trace.
    const { fn, call } = traced((a) => [tf.add(a!, late)], [tf.tensor1d([0, 0])]);
    expect(call(tf.tensor1d([1, 1]))[0]!.dataSync()).toEqual(new Float32Array([2, 3]));
    expect(tf.add(late, late).dataSync()).toEqual(new Float32Array([2, 4]));
    binding.removeFunction(fn);
  });
});

it('gives back an input, a constant and the same tensor twice', () => {
  same(
    (x) => {
      const y = tf.neg(x!);
      return [x!, y, y, tf.scalar(4)];
    },
    [3],
  );
});

it('tells which inputs an op took, and refuses to leave out one of those', () => {
  const names = (f: (a: number, b: number) => void): void => {
    binding.beginTrace();
    try {
      f(binding.traceInput(binding.TF_FLOAT as number, [2]), binding.traceInput(binding.TF_FLOAT as number, [2]));
    } finally {
      binding.abortTrace();
    }
  };
  const neg = (id: number): number =>
    binding.executeOp(
      'Neg',
      [{ name: 'T', type: binding.TF_ATTR_TYPE as number, value: binding.TF_FLOAT as number }],
      [id],
      1,
    )[0]!.id;
  names((a, b) => {
    neg(a);
    expect([a, b].map((id) => binding.isTraceInputUsed(id))).toEqual([true, false]);
  });
  names((a, b) => {
    const y = neg(a);
    expect(() => binding.finishTrace([b], [y])).toThrow(
      `input ${a} is used by the trace and is not among the inputs of the function`,
    );
  });
});

const code = (f: () => unknown): [string | undefined, string] => {
  try {
    f();
  } catch (error) {
    return [(error as { code?: string }).code, (error as Error).message];
  }
  throw new Error('nothing was thrown');
};

it('refuses to read values, and shapes that depend on them', () => {
  const x = tf.tensor2d([1, 2, 3, 4], [2, 2]);
  expect(code(() => traced((a) => [tf.scalar(tf.sum(a!).dataSync()[0]!)], [x]))).toEqual([
    'TRACE_READ',
    'the values of a tensor cannot be read while tracing: float32 [] of Sum',
  ]);
  const [kind, message] = code(() =>
    traced((a) => runOp('Where', [{ name: 'T', type: 'type', value: 'float32' }], [a!], 1), [x]),
  );
  expect(kind).toBe('TRACE_SHAPE');
  expect(message).toBe(
    'Where: the shape of its output 0 depends on data ([?,2]), and a trace has fixed shapes\n  inputs: float32 [2,2]\n  attributes: T=float32',
  );
  x.dispose();
});

it('leaves nothing behind when it is aborted, and tells what belonged to it', () => {
  const x = tf.tensor1d([1, 2]);
  idOf(x);
  let kept: tf.Tensor | undefined;
  expect(() =>
    traced(
      (a) => {
        kept = tf.keep(tf.neg(a!));
        throw new Error('in the middle');
      },
      [x],
    ),
  ).toThrow('in the middle');
  expect(binding.getNumOfTensors()).toBe(held + 1);
  expect(code(() => kept!.dataSync())[0]).toBe('TRACE_ENDED');
  expect(code(() => tf.neg(kept!))[0]).toBe('TRACE_ENDED');
  kept!.dispose();
  expect(tf.tidy(() => tf.neg(x).dataSync())).toEqual(new Float32Array([-1, -2]));
  x.dispose();
});

it('has one trace at a time, and no function called within it', () => {
  const x = tf.tensor1d([1, 2]);
  const { fn } = traced((a) => [tf.neg(a!)], [x]);
  binding.beginTrace();
  expect(() => binding.beginTrace()).toThrow('a trace within a trace');
  expect(() => binding.callFunction(fn, [idOf(x)])).toThrow('cannot be called within a trace');
  binding.abortTrace();
  binding.abortTrace();
  expect(() => binding.finishTrace([], [])).toThrow('there is no trace');
  expect(() => binding.callFunction(fn, [])).toThrow('takes 1 tensors, not 0');
  binding.removeFunction(fn);
  expect(() => binding.callFunction(fn, [idOf(x)])).toThrow('was it removed?');
  x.dispose();
});

it('tells when the nodes of a function ran, with the same values, an input that is an output among them', () => {
  const x = numbers([4, 64, 64, 3]);
  const k = numbers([3, 3, 3, 8], 8);
  const backend = currentBackend();
  const given = [x, k].map(idOf);
  binding.beginTrace();
  const { fn } = tf.tidy(() => {
    const [a, b] = [x, k].map(({ shape }) => {
      const dtype = binding.TF_FLOAT as number;
      return backend.createOutputTensor({ id: binding.traceInput(dtype, shape), shape, dtype });
    }) as [tf.Tensor4D, tf.Tensor4D];
    binding.traceScope('part0');
    const map = tf.relu(tf.conv2d(a, b, 1, 'same'));
    binding.traceScope('part1');
    return binding.finishTrace([a, b].map(idOf), [tf.sum(map), a].map(idOf), true);
  });
  const plain = binding.callFunction(fn, given);
  const { outputs, metadata } = binding.timeFunction(fn, given);
  expect(outputs.map(({ shape }) => shape)).toEqual([[], [4, 64, 64, 3]]);
  expect(outputs.map(({ id }) => binding.tensorDataSync(id))).toEqual(
    plain.map(({ id }) => binding.tensorDataSync(id)),
  );
  const ran = ranOps(metadata, ['forward', 'sum'], 100);
  const of = (part: string): string => ran.flatMap((one) => (one.part === part ? [one.op] : [])).join();
  expect(of('forward')).toMatch(/Conv2D/);
  expect(of('sum')).toMatch(/Sum/);
  const last = (part: string): number => Math.max(...ran.filter((one) => one.part === part).map(({ end }) => end));
  expect(last('sum')).toBeGreaterThan(last('forward'));
  expect(Math.min(...ran.map(({ start }) => start))).toBe(100);
  for (const { start, end } of ran) expect(end).toBeGreaterThanOrEqual(start);
  expect(() => binding.timeFunction(fn, [])).toThrow('takes 2 tensors');
  binding.removeFunction(fn);
  for (const { id } of [...plain, ...outputs]) binding.deleteTensor(id);
  const other = traced((a) => [tf.neg(a!)], [x]);
  expect(() => binding.timeFunction(other.fn, [idOf(x)])).toThrow('was not made to be timed');
  binding.removeFunction(other.fn);
  tf.dispose([x, k]);
});

it('runs what touches a variable of TensorFlow in the order it was traced in', () => {
  const type = { name: 'dtype', type: 'type', value: 'float32' } as const;
  const [handle] = runOp('VarHandleOp', [type, { name: 'shape', type: 'shape', value: [2] }], [], 1) as [tf.Tensor];
  const one = tf.tensor1d([1, 1]);
  runOp('AssignVariableOp', [type], [handle, one], 0);
  const f = (a: tf.Tensor): tf.Tensor[] => {
    const read = (): tf.Tensor => runOp('ReadVariableOp', [type], [handle], 1)[0]!;
    const first = read();
    runOp('AssignAddVariableOp', [type], [handle, a], 0);
    const second = read();
    runOp('AssignVariableOp', [type], [handle, tf.mul(second, 2)], 0);
    return [first, second, read()];
  };
  const { fn, call } = traced((a) => f(a!), [one]);
  const values = (): number[][] => tf.tidy(() => call(one).map((tensor) => [...tensor.dataSync()]));
  expect(values()).toEqual([
    [1, 1],
    [2, 2],
    [4, 4],
  ]);
  expect(values()).toEqual([
    [4, 4],
    [5, 5],
    [10, 10],
  ]);
  binding.removeFunction(fn);
  runOp('DestroyResourceOp', [], [handle], 0);
  tf.dispose([handle, one]);
});
