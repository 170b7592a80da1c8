import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { needsTensorflow } from '../../../tests/needs-tensorflow.js';
import type { Binding, NativeAttribute, NativeValues, TensorMetadata } from './binding.js';
import { currentBackend, runOp } from './run-op.js';
import { startTensorflow } from './testing/traced.js';

let binding: Binding;
let held: number;

needsTensorflow(startTensorflow, () => void ({ binding } = currentBackend()));
beforeEach(() => {
  held = binding.getNumOfTensors();
  return () => expect(binding.getNumOfTensors()).toBe(held);
});

const number = (name: `TF_${string}`): number => binding[name] as number;
const free = (...ids: number[]): void => ids.forEach((id) => binding.deleteTensor(id));
const attribute = (name: string, type: string, value: NativeAttribute['value']): NativeAttribute => ({
  name,
  type: number(`TF_ATTR_${type}`),
  value,
});
const floats = (shape: number[], values: number[]): number =>
  binding.createTensor(shape, number('TF_FLOAT'), new Float32Array(values));
const read = ([output]: TensorMetadata[]): NativeValues => {
  const values = binding.tensorDataSync(output!.id);
  free(output!.id);
  return values;
};

describe('values', () => {
  const bytes = (...texts: string[]): Uint8Array[] => texts.map((text) => new TextEncoder().encode(text));
  it.each<[string, `TF_${string}`, number[], () => NativeValues]>([
    ['numbers', 'TF_FLOAT', [2, 2], () => new Float32Array([1, 2, 3, NaN])],
    ['none', 'TF_FLOAT', [0, 3], () => new Float32Array()],
    ['a scalar', 'TF_INT32', [], () => new Int32Array([-5])],
    ['truths', 'TF_BOOL', [3], () => new Uint8Array([1, 0, 1])],
    ['bytes', 'TF_UINT8', [2], () => new Uint8Array([0, 255])],
    ['int64', 'TF_INT64', [2], () => new BigInt64Array([-1n, 2n ** 40n])],
    ['complex numbers', 'TF_COMPLEX64', [1], () => new Float32Array([1, -2])],
    ['halves', 'TF_HALF', [2], () => new Uint16Array([0x3c00, 0xc000])],
    ['strings, short, empty and long', 'TF_STRING', [3], () => bytes('kurz', '', 'ein Wort '.repeat(100))],
  ])('go in and come out: %s', async (_, dtype, shape, values) => {
    const id = binding.createTensor(shape, number(dtype), values());
    expect(binding.tensorDataSync(id)).toEqual(values());
    const promise = binding.tensorData(id);
    free(id);
    expect(await promise).toEqual(values());
  });

  it('of int64 may come as Int32Array of twice the length', () => {
    const id = binding.createTensor([2], number('TF_INT64'), new Int32Array([7, 0, -1, -1]));
    expect(binding.tensorDataSync(id)).toEqual(new BigInt64Array([7n, -1n]));
    free(id);
  });

  it('are copied: what the array holds later does not matter', () => {
    const values = new Float32Array(64).fill(1);
    const id = binding.createTensor([64], number('TF_FLOAT'), values);
    values.fill(2);
    expect(binding.tensorDataSync(id)).toEqual(new Float32Array(64).fill(1));
    free(id);
  });

  it('are refused where they do not fit', () => {
    const create = (dtype: `TF_${string}`, values: unknown) => () =>
      binding.createTensor([2, 2], number(dtype), values as NativeValues);
    expect(create('TF_FLOAT', new Int32Array(4))).toThrow(
      'a typed array of another type cannot fill a tensor of float32',
    );
    expect(create('TF_FLOAT', new Float32Array(3))).toThrow(
      'a tensor of float32 [2,2] takes 16 bytes of values, not 12',
    );
    expect(create('TF_FLOAT', [1, 2, 3, 4])).toThrow('the values of a tensor must be a typed array');
    expect(create('TF_STRING', bytes('a'))).toThrow('a tensor of string [2,2] cannot hold 1 strings');
    expect(create('TF_STRING', [1, 2, 3, 4])).toThrow('the values of a tensor must be a typed array');
    expect(create('TF_RESOURCE', new Uint8Array(4))).toThrow('cannot fill a tensor of resource');
  });

  it('are gone with their tensor', () => {
    const id = floats([1], [1]);
    free(id);
    expect(() => free(id)).toThrow(`tensor ${id} is not there: was it disposed of?`);
    expect(() => binding.tensorDataSync(id)).toThrow('is not there');
    expect(() => binding.tensorData(id)).toThrow('is not there');
    expect(() => binding.executeOp('Neg', [], [id], 1)).toThrow('is not there');
  });
});

describe('ops', () => {
  it('take lists of every kind of attribute', () => {
    const x = floats([4], [1, 2, 3, 4]);
    const ids = binding.executeOp(
      'IdentityN',
      [attribute('T', 'TYPE', [number('TF_FLOAT'), number('TF_FLOAT')])],
      [x, x],
      2,
    );
    expect(ids.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual([
      { shape: [4], dtype: number('TF_FLOAT') },
      { shape: [4], dtype: number('TF_FLOAT') },
    ]);
    free(...ids.map(({ id }) => id));
    const bucketed = binding.executeOp('Bucketize', [attribute('boundaries', 'FLOAT', [1.5, 3.5])], [x], 1);
    expect(read(bucketed)).toEqual(new Int32Array([0, 1, 1, 2]));
    const row = floats([1, 4], [1, 2, 3, 4]);
    const inside = binding.executeOp('Squeeze', [attribute('squeeze_dims', 'INT', [0])], [row], 1);
    free(x, row);
    expect(inside[0]!.shape).toEqual([4]);
    expect(read(inside)).toEqual(new Float32Array([1, 2, 3, 4]));
  });

  it('take lists of different types by runOp', () => {
    tf.tidy(() => {
      const outputs = runOp(
        'IdentityN',
        [{ name: 'T', type: 'type', value: ['float32', 'int32'] }],
        [tf.scalar(1), tf.scalar(2, 'int32')],
        2,
      );
      expect(outputs.map(({ dtype }) => dtype)).toEqual(['float32', 'int32']);
    });
  });

  it('name themselves, their inputs and their attributes when they fail', () => {
    const [x, k] = [floats([1, 2, 2, 3], Array(12).fill(0)), floats([1, 1, 2, 1], [0, 0])];
    const attributes = [
      attribute('T', 'TYPE', number('TF_FLOAT')),
      attribute('strides', 'INT', [1, 1, 1, 1]),
      attribute('padding', 'STRING', 'SAME'),
      attribute('use_cudnn_on_gpu', 'BOOL', true),
    ];
    expect(() => binding.executeOp('Conv2D', attributes, [x, k], 1)).toThrow(
      /^Conv2D: input depth must be evenly divisible by filter depth: 3 vs 2\n  inputs: float32 \[1,2,2,3\], float32 \[1,1,2,1\]\n  attributes: T=float32, strides=\[1,1,1,1\], padding="SAME", use_cudnn_on_gpu=true$/,
    );
    expect(() => binding.executeOp('NoSuchOp', [], [], 1)).toThrow(/^NoSuchOp: .*\n  inputs: none$/);
    expect(() => binding.executeOp('Neg', [{ name: 'T', type: 99, value: 1 }], [x], 1)).toThrow(
      'attribute "T": attributes of the kind 99 are not known',
    );
    expect(() => binding.executeOp('Neg', [attribute('T', 'TYPE', 'float32')], [x], 1)).toThrow('attribute "T"');
    free(x, k);
  });

  it('say the same while they are traced', () => {
    binding.beginTrace();
    const x = binding.traceInput(number('TF_FLOAT'), [1, 2, 2, 3]);
    const filter = binding.traceInput(number('TF_FLOAT'), [1, 1, 2, 1]);
    const attributes = [attribute('strides', 'INT', [1, 1, 1, 1]), attribute('padding', 'STRING', 'SAME')];
    expect(() => binding.executeOp('Conv2D', attributes, [x, filter], 1)).toThrow(
      /^Conv2D: [^\n]*\n  inputs: float32 \[1,2,2,3\], float32 \[1,1,2,1\]\n  attributes: strides=\[1,1,1,1\], padding="SAME"$/,
    );
    expect(() => binding.executeOp('Conv2D', attributes, [x], 1)).toThrow('Conv2D: its input "filter" is missing');
    expect(() => binding.executeOp('Neg', [], [x, x], 1)).toThrow('Neg: 1 inputs are too many');
    expect(() => binding.executeOp('AddN', [attribute('N', 'INT', 3)], [x, x], 1)).toThrow(
      'AddN: its list "inputs" should have 3 tensors',
    );
    expect(() => binding.executeOp('NoSuchOp', [], [], 1)).toThrow('NoSuchOp');
    binding.abortTrace();
  });

  it('refuse what is no number, no array or missing', () => {
    const call = binding.executeOp as (...args: unknown[]) => unknown;
    expect(() => call('Neg')).toThrow('a call with 1 arguments instead of 4');
    expect(() => call(1, [], [], 1)).toThrow('the name of an op: A string was expected');
    expect(() => call('Neg', {}, [], 1)).toThrow('the attributes of an op: An array was expected');
    expect(() => call('Neg', [], ['a'], 1)).toThrow('the inputs of an op: A number was expected');
    const angry = {
      get name() {
        throw new RangeError('no name');
      },
    };
    expect(() => call('Neg', [angry], [], 1)).toThrow(RangeError);
  });
});

it('counts tensors and bytes', () => {
  const { tensors, bytes } = binding.memory();
  const id = floats([1000], Array(1000).fill(1));
  const now = binding.memory();
  expect([now.tensors - tensors, now.bytes - bytes]).toEqual([1, 4000]);
  expect(now.peakResident).toBeGreaterThan(1e8);
  free(id);
});

// Another malloc, as of the address sanitizer, keeps its own way.
it.runIf(process.platform === 'linux' && process.env.LD_PRELOAD === undefined)('gives back what nobody uses', () => {
  const ids = Array.from({ length: 256 }, () =>
    binding.createTensor([1], number('TF_STRING'), [new Uint8Array(2 ** 18)]),
  );
  free(...ids);
  const before = process.memoryUsage.rss();
  binding.trimMemory();
  expect(before - process.memoryUsage.rss()).toBeGreaterThan(48 << 20);
});

it('has its options set before it is used', () => {
  expect(() => binding.configure({ intraOpThreads: 2 })).toThrow('can be set before its first use only');
});
