import type { Engine } from '@kd/core';
import { cpu } from '@kd/engine-cpu';
import type * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { checkCompile } from './compile-contract.js';

const plain = cpu();
beforeAll(() => plain.start());

type Call = (fn: (...given: never[]) => unknown) => (...given: never[]) => unknown;
const compiling = (call: Call): Engine => ({
  ...plain,
  compile: ((fn: never) => Object.assign(call(fn), { clear: () => {} })) as unknown as NonNullable<Engine['compile']>,
});

it.each<[string, Call, string]>([
  ['runs the function at each call', (fn) => fn, 'how often the function was called'],
  [
    'gives the first result for good',
    (fn) => {
      let first: Record<string, tf.Tensor> | undefined;
      return (...given) => {
        first ??= fn(...given) as Record<string, tf.Tensor>;
        return { ...first, product: first['product']!.clone() };
      };
    },
    'a product',
  ],
])('fails an engine that %s', async (_, call, what) => {
  await expect(checkCompile(compiling(call))).rejects.toThrow(what);
});
