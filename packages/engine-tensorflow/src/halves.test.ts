import { hostFloats } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { needsTensorflow } from '../../../tests/needs-tensorflow.js';
import { tensorflow } from './engine.js';
import { currentBackend } from './run-op.js';

needsTensorflow(async () => {
  await tensorflow().start();
});

it('widens all half floats as the host does, to the bit', () => {
  // NaN has many patterns, of which each side keeps its own.
  const all = Uint16Array.from({ length: 65_536 }, (_, bits) => bits).filter((bits) => (bits & 0x7fff) <= 0x7c00);
  const held = currentBackend().binding.getNumOfTensors();
  const tensor = tensorflow().fromHalves!(all, [2, all.length / 2]);
  expect(tensor.shape).toEqual([2, all.length / 2]);
  expect(tensor.dtype).toBe('float32');
  expect(new Uint32Array(tensor.dataSync<'float32'>().buffer)).toEqual(
    new Uint32Array(hostFloats({ dtype: 'F16', shape: [all.length], data: all }).buffer),
  );
  tf.dispose(tensor);
  expect(currentBackend().binding.getNumOfTensors()).toBe(held);
});
