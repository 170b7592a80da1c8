// What runs as graphs where nobody says otherwise: steps, updates, evaluations and passes of a training, and what
// kd eval, kd predict and kd label compute.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Engine, silentLogger } from '@kd/core';
import { openDataset } from '@kd/data';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import { beforeAll, expect, it } from 'vitest';
import { namedEngine } from '../named-engine.js';
import { needsTensorflow } from '../needs-tensorflow.js';
import { kd, temporaryFolder } from './kd.js';
import { KINDS } from './tiny-detectors.js';
import { picturesFor, trainTiny } from './train-tiny.js';

needsTensorflow();

const folder = temporaryFolder();
const out = (name: string): string => join(folder, name);
const photos = join(folder, 'photos');
const data = picturesFor('everywhere', 4, 8);

/** Names of what was traced while a student was trained. */
async function tracedBy(name: string, more: object): Promise<string[]> {
  const base = await namedEngine();
  const names = new Set<string>();
  const engine: Engine = {
    ...base,
    compile: (fn, options) =>
      base.compile!(fn, { ...options, onTrace: (trace) => (names.add(options.name), options.onTrace?.(trace)) }),
  };
  const taught = { teacher: { weights: out('teacher') }, distillers: ['prototype'] };
  await trainTiny(
    { engine, student: KINDS.retinanet(4), ...taught, data, batchSize: 2, ...more },
    { out: out(name), logger: silentLogger },
  );
  return [...names].sort();
}

/** How many functions a command traced. */
async function traces(args: readonly string[]): Promise<number> {
  const { binding } = tf.backend() as unknown as { binding: { finishTrace: (...given: unknown[]) => unknown } };
  const { finishTrace } = binding;
  let count = 0;
  binding.finishTrace = (...given) => (count++, finishTrace(...given));
  try {
    const { code, stderr } = await kd(args);
    expect(code, stderr).toBe(0);
  } finally {
    binding.finishTrace = finishTrace;
  }
  return count;
}

beforeAll(async () => {
  const { val: _, ...train } = data;
  const teacher = { student: KINDS.retinanet(6), data: train, batchSize: 4, compile: false };
  await trainTiny({ engine: await namedEngine(), ...teacher }, { out: out('teacher') });
  mkdirSync(photos);
  const drawn = await openDataset({ format: 'synthetic', images: 4, size: 96, seed: 5 }, folder);
  for (const [i, record] of drawn.images.entries()) {
    const { data: pixels, width, height } = await drawn.readImage(record);
    await sharp(pixels, { raw: { width, height, channels: 3 } }).toFile(join(photos, `${i}.png`));
  }
});

it.each([
  [
    {},
    [
      'the forward pass',
      'the forward pass of retinanet over the data',
      'the training step',
      'the update of the weights',
    ],
    1,
  ],
  [{ compile: false }, [], 0],
])('with %j', async (more, names, each) => {
  const run = `run-${each}`;
  expect(await tracedBy(run, more)).toEqual(names);
  expect(await traces(['eval', out(run), '--data', JSON.stringify(data.val), '--json'])).toBe(each);
  expect(await traces(['predict', out(run), photos, '--json', '-'])).toBe(each);
  const labels = join(folder, `${run}.json`);
  expect(await traces(['label', out(run), photos, '--score', '0', '--batch-size', '1', '--out', labels])).toBe(each);
});
