import * as v from 'valibot';
import { expect, test } from 'vitest';
import { type Config, parseConfig } from './config.js';
import { inheritedKeys } from './inherited-keys.js';
import { parseOptions } from './options.js';

const INHERITED = ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf'];
const withKey = (key: string): Record<string, unknown> => JSON.parse(`{"${key}":{"a":1}}`) as Record<string, unknown>;
const config = { student: 'retinanet', data: { train: { format: 'coco' } }, epochs: 1 };

test('finds them wherever they stand, in plain data alone', () => {
  const circle: Record<string, unknown> = { a: [1, { toString: 2 }] };
  circle['circle'] = circle;
  expect(inheritedKeys(circle)).toEqual(['a.1.toString']);
  expect(inheritedKeys({ open: () => {}, toString: () => '' })).toEqual([]);
  expect(inheritedKeys(new Map())).toEqual([]);
});

test.each(INHERITED)('%s is no key of a config', (key) => {
  const places: [unknown, string][] = [
    [{ ...config, ...withKey(key) }, key],
    [{ ...config, student: ['retinanet', withKey(key)] }, `student.1.${key}`],
    [{ ...config, optimizer: { name: 'sgd', lr: 1, ...withKey(key) } }, `optimizer.${key}`],
    [{ ...config, schedule: withKey(key) }, `schedule.${key}`],
    [{ ...config, data: { ...config.data, augment: [{ name: 'flip', ...withKey(key) }] } }, `data.augment.0.${key}`],
  ];
  // Spread copies them as keys of its own, `__proto__` too.
  for (const [given, path] of places)
    expect(() => parseConfig(given, 'it')).toThrow(`it is not a valid config:\n  ${path}: there is no such key`);
});

test.each(INHERITED)('%s is no option of a plugin', (key) => {
  const schema = v.strictObject({ weight: v.optional(v.number(), 1) });
  expect(() => parseOptions(schema, withKey(key), 'p')).toThrow(
    `p: the options are not valid:\n  ${key}: there is no such option`,
  );
  expect(parseOptions(schema, {}, 'p')).toEqual({ weight: 1 });
});

test.each(INHERITED)('%s names no optimizer, schedule, metric or engine kind', (name) => {
  for (const given of [
    { ...config, optimizer: { name, lr: 1 } },
    { ...config, schedule: { kind: name } },
    { ...config, data: { ...config.data, onBadImage: name } },
  ])
    expect(() => parseConfig(given as Config, 'it')).toThrow('it is not a valid config');
});
