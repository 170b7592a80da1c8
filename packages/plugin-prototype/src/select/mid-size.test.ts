import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { selectPursuit } from './index.js';

/** The generator is the bench's. */
interface Data {
  pairedFeatures(n: number): {
    teacher: Float32Array;
    student: Float32Array;
    teacherChannels: number;
    studentChannels: number;
  };
}

it('2,000 instances of 256 + 256 channels', async () => {
  await tf.setBackend('cpu');
  const { pairedFeatures } = (await import(
    new URL('../../../../bench/ours/select-data.mjs', import.meta.url).href
  )) as Data;
  const features = pairedFeatures(2000);
  expect([...features.teacher.subarray(0, 4)]).toEqual(
    [-1.5465814, 0.53755045, 0.8472613, -0.2623262].map(Math.fround),
  );
  expect([...features.student.subarray(0, 4)]).toEqual(
    [-0.10013792, -0.09265682, -0.43053022, -0.00751891].map((value) => expect.closeTo(value, 7)),
  );
  const { rows, objective, initialEnergy } = await selectPursuit(features, { candidates: 'all' });
  expect([...rows]).toEqual([554, 572, 1631, 525, 1777, 189, 1150, 1621, 1937, 705]);
  const expected = [
    3417.963713, 2952.08925, 2629.123906, 2376.775109, 2147.416839, 1940.747914, 1747.989776, 1604.72929, 1467.870882,
    1360.015773,
  ];
  for (const [k, value] of objective.entries())
    expect(Math.abs(value - expected[k]!) / initialEnergy).toBeLessThan(1e-8);
});
