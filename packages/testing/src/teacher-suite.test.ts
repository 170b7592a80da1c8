import { buildTeacher, silentLogger, type Teacher, type TeacherDefinition, teacherMaps, type Use } from '@kd/core';
import { cpu } from '@kd/engine-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { testTeacher } from './teacher-suite.js';
import { toyTeacher } from './toy-teacher.js';

testTeacher(toyTeacher, { options: {} });
testTeacher(toyTeacher, {
  options: {
    input: { minSize: [40, 48], maxSize: 90, mean: [0, 0, 0], std: [1, 1, 1], layout: 'nchw', channels: 'bgr' },
  },
});

describe('a teacher that is not what it says', () => {
  beforeAll(() => cpu().start());
  const build = (change: (teacher: Teacher) => object) => {
    const definition = {
      ...toyTeacher.definition,
      create: async (...given: Parameters<typeof toyTeacher.definition.create>) => {
        const teacher = await toyTeacher.definition.create(...given);
        return { ...teacher, ...change(teacher) };
      },
    } as unknown as TeacherDefinition;
    return buildTeacher({ definition, options: {} } as Use<TeacherDefinition>, { folder: '.', logger: silentLogger });
  };
  const tap = { name: 'map8', stride: 8, channels: 5 };

  it.each([
    ['no taps', { taps: [] }, /toy-features": it has no tap, so that nothing/],
    ['a tap without a stride', { taps: [{ ...tap, stride: undefined }] }, /a tap of teacher .* stride is missing/],
    ['a stride below a pixel', { taps: [{ ...tap, stride: 0 }] }, /the tap "map8" has stride 0 and 5 channels/],
    ['one name twice', { taps: [tap, tap] }, /two of its taps are named "map8"/],
    ['no fingerprint', { fingerprint: '' }, /create of teacher "toy-features" returned cannot be used: fingerprint/],
    ['no input', { input: undefined }, /cannot be used: input is missing/],
  ])('is refused with %s, and freed', async (_, change, message) => {
    const before = tf.memory().numTensors;
    await expect(build(() => change)).rejects.toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each<readonly [string, (b: number) => object, RegExp]>([
    ['a tap less', () => ({}), /the tap "map8" was asked for, and forward did not give it/],
    ['tokens', () => ({ map8: tf.zeros([1, 64, 5]) }), /"map8" is no map: .* got float32 \[1, 64, 5\]/],
    [
      'another stride',
      () => ({ map8: tf.zeros([1, 4, 4, 5]) }),
      /says stride 8, but its map has 4 x 4 cells for 64 x 64/,
    ],
    [
      'other channels',
      () => ({ map8: tf.zeros([1, 8, 8, 3]) }),
      /of 1 images and 5 channels it must be \[1, h, w, 5\]/,
    ],
  ])('is refused where forward gives %s, and its maps are freed', async (_, maps, message) => {
    const { teacher } = await build(() => ({ forward: () => ({ maps: maps(1) }) }));
    const before = tf.memory().numTensors;
    const data = new Float32Array(64 * 64 * 3);
    const images = { data, shape: [1, 64, 64, 3], imageSizes: [[64, 64]], ids: [0] } as const;
    await expect(teacherMaps(teacher, images, ['map8'])).rejects.toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
    await teacher.dispose();
  });
});
