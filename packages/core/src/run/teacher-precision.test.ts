import { cpuEngine } from '@kd/testing';
import { expect, it } from 'vitest';
import type { Engine } from '../contract/engine.js';
import { featureStandIn } from '../plugins/stand-in.js';
import { teacherPrecision } from './teacher-precision.js';

const plain = cpuEngine();
const halves: Engine = {
  ...plain,
  inBfloat16: (run) => run(),
  capabilities: () => ({ ...plain.capabilities(), precision: ['float32', 'bfloat16'] }),
};
const config = { precision: { teacher: 'bf16' as const }, compile: true };
const { detector: standIn } = featureStandIn({ name: 'other', input: {}, taps: [] } as never);
const teacher = { detector: { ...standIn } };

it('is float32 unless it is asked for, and runs teachers in bfloat16 where the engine can', () => {
  expect(teacherPrecision({ ...config, precision: { teacher: 'float32' } }, plain, [])).toBeNull();
  expect(teacherPrecision(config, halves, [teacher])!(() => 3)).toBe(3);
});

it.each([
  ['there is no teacher.', config, halves, []],
  ['no teacher is a detector with the input of the student', config, halves, [{ detector: standIn }]],
  ['steps that run op by op', { ...config, compile: false }, halves, [teacher]],
  ['the engine cpu computes in float32 alone', config, plain, [teacher]],
])('is refused before the first step: %s', (why, given, engine, teachers) => {
  expect(() => teacherPrecision(given, engine, teachers)).toThrow(why);
});
