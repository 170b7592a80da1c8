import { selectPursuit } from '@kd/plugin-prototype';
import * as tf from '@tensorflow/tfjs-core';
import { crc32 } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { startEngine } from './support/engine.js';

/** The bench's generator: no file, the same bits in every language. */
interface Data {
  pairedFeatures(n: number): {
    teacher: Float32Array;
    student: Float32Array;
    teacherChannels: number;
    studentChannels: number;
  };
}

beforeAll(async () => void (await startEngine()));

test('20,000 instances of 256 + 256 channels', async () => {
  const { pairedFeatures } = (await import(new URL('../../bench/ours/select-data.mjs', import.meta.url).href)) as Data;
  const features = pairedFeatures(20_000);
  expect(crc32(Buffer.from(features.teacher.buffer)).toString(16)).toBe('ae78d100');
  expect(crc32(Buffer.from(features.student.buffer)).toString(16)).toBe('d1ae04af');
  const tensors = tf.memory().numTensors;
  const { rows, objective, initialEnergy } = await selectPursuit(features, { candidates: 'all' });
  expect(tf.memory().numTensors).toBe(tensors);
  expect([...rows]).toEqual([12270, 19182, 13173, 18241, 5838, 8819, 14647, 17715, 15817, 15378]);
  const expected = [
    34017.152037, 29989.604685, 26986.172943, 24031.091187, 21341.857289, 19121.216447, 17222.004567, 15316.241545,
    13827.622977, 12637.246141,
  ];
  expect(Math.abs(initialEnergy - 40_000) / 40_000).toBeLessThan(1e-9);
  for (const [k, value] of objective.entries())
    expect(Math.abs(value - expected[k]!) / initialEnergy).toBeLessThan(1e-8);
}, 600_000);
