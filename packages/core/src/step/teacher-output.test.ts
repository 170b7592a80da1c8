import * as tf from '@tensorflow/tfjs-core';
import { cpuEngine } from '@kd/testing';
import { beforeAll, expect, it } from 'vitest';
import { expectNoLeaks } from '../../test/live-tensors.js';
import type { Detector, Predictions } from '../contract/detector.js';
import { Kept } from './kept.js';
import { teacherOutput } from './teacher-output.js';

beforeAll(() => cpuEngine().start());
expectNoLeaks(() => undefined);

/** A teacher with a branch of one map and one of two, which counts how often each branch runs. */
function branches(ran: string[]): Pick<Detector, 'forward'> {
  const predictions: Predictions = {};
  for (const [branch, names] of Object.entries({ cls: ['cls'], reg: ['reg', 'centerness'] }))
    for (const name of names)
      Object.defineProperty(predictions, name, {
        enumerable: true,
        configurable: true,
        get() {
          ran.push(branch);
          const recorded = tf.engine().state.activeTape!.length;
          names.forEach((one, i) =>
            Object.defineProperty(predictions, one, { enumerable: true, value: [tf.add(tf.ones([1, 1, 1, 1]), i)] }),
          );
          expect(tf.engine().state.activeTape).toHaveLength(recorded);
          return predictions[name];
        },
      });
  return { forward: () => ({ taps: {}, levels: [], updates: [], predictions }) };
}

it('runs a branch of the teacher when a map of it is read, once, off the tape, and keeps all that it gave', () => {
  const [ran, kept] = [[] as string[], new Kept()];
  const images = tf.zeros<tf.Rank.R4>([1, 1, 1, 1]);
  const grads = tf.grads((x) => {
    const { predictions } = teacherOutput(branches(ran) as Detector, images, [], kept);
    expect(Object.keys(predictions)).toEqual(['cls', 'reg', 'centerness']);
    expect(ran).toEqual([]);
    // Each in the tidy of one plugin, read again by the next.
    const read = (name: string): number => tf.tidy(() => predictions[name]![0]!.shape.length);
    expect([read('cls'), read('cls')]).toEqual([4, 4]);
    expect(ran).toEqual(['cls']);
    expect([read('reg'), read('centerness')]).toEqual([4, 4]);
    expect(ran).toEqual(['cls', 'reg']);
    const [cls, centerness] = [predictions['cls']![0]!, predictions['centerness']![0]!];
    expect([cls.dataSync()[0], centerness.dataSync()[0]]).toEqual([1, 2]);
    return tf.mul(x!, tf.mul(cls, centerness));
  })([images]);
  expect(grads[0]!.dataSync()[0]).toBe(2);
  kept.dispose();
  tf.dispose([images, grads]);
});
