import { cpuEngine } from '@kd/testing';
import { expect, it } from 'vitest';
import type { Engine } from '../contract/engine.js';
import { silentLogger } from '../logger.js';
import { featureStandIn } from '../plugins/stand-in.js';
import { runPrecision } from './run-precision.js';

const plain = cpuEngine();
const halves: Engine = {
  ...plain,
  inPrecision: (_, run) => run(),
  capabilities: () => ({ ...plain.capabilities(), precision: ['float32', 'bfloat16'] }),
};
const config = { precision: { teacher: 'bf16' as const }, compile: true };
const mixed = { precision: 'mixed' as const, compile: true };
const { detector: standIn } = featureStandIn({ name: 'other', input: {}, taps: [] } as never);
const teacher = { detector: { ...standIn } };
const of = (...[given, engine, teachers]: [typeof config | typeof mixed, Engine, (typeof teacher)[]]) =>
  runPrecision(given, engine, teachers, silentLogger);

it('is float32 unless it is asked for, and runs teachers or steps in bfloat16 where the engine can', () => {
  for (const precision of ['float32', { teacher: 'float32' }] as const)
    expect(runPrecision({ compile: true, precision }, plain, [], silentLogger)).toBeNull();
  const teachers = of(config, halves, [teacher])!;
  expect(teachers).toMatchObject({ floats: 'bfloat16', of: 'teachers', gain: null });
  expect(teachers.run(() => 3)).toBe(3);
  expect(of(mixed, halves, [])).toMatchObject({ floats: 'bfloat16', of: 'step' });
});

it.each([
  ['there is no teacher.', config, halves, []],
  ['no teacher is a detector with the input of the student', config, halves, [{ detector: standIn }]],
  ['steps that run op by op', { ...config, compile: false }, halves, [teacher]],
  ['the engine cpu computes in float32 alone', config, plain, [teacher]],
  ['precision is "mixed", and steps that run op by op', { ...mixed, compile: false }, halves, []],
  ['precision is "mixed", and the engine cpu computes in float32 alone', mixed, plain, []],
])('is refused before the first step: %s', (why, given, engine, teachers) => {
  expect(() => of(given, engine, teachers)).toThrow(why);
});

it.each([
  [mixed, { forward: 0.5, training: 1.2 }, 'take 1.20 of the time'],
  [mixed, { forward: 1.2, training: 0.7 }, null],
  [config, { forward: 1.1, training: 0.7 }, 'precision.teacher is "bf16", but convolutions in bfloat16 take 1.10'],
])('warns where it is slower than float32: %j, %j', (given, gain, told) => {
  const said: string[] = [];
  const logger = { info: () => {}, warn: (text: string) => void said.push(text) };
  expect(runPrecision(given, { ...halves, precisionGain: () => gain }, [teacher], logger)!.gain).toEqual(gain);
  expect(said).toEqual(told === null ? [] : [expect.stringContaining(told)]);
});
