// Every detector with every method that it can be taught by trains on the engine that needs npm alone; what they ask
// an engine for is what testEngine compares, kernel by kernel.
import { join } from 'node:path';
import type { Config, TrainerEvent } from '@kd/core';
import { wasm } from '@kd/engine-wasm';
import { recordKernels, STEP_KERNELS } from '@kd/testing';
import { expect, it } from 'vitest';
import { temporaryFolder } from './kd.js';
import { KINDS, methodsOf, withOptions } from './tiny-detectors.js';
import { logsOf, picturesFor, trainTiny } from './train-tiny.js';

const folder = temporaryFolder();
const asked = new Set<string>();

async function train(out: string, config: Partial<Config>): Promise<TrainerEvent[]> {
  let events: TrainerEvent[] = [];
  const names = await recordKernels(async () => {
    const whole = { engine: wasm(), data: picturesFor('pictures', 2, 1), batchSize: 2, ...config };
    events = await trainTiny(whole, { out: join(folder, out) });
  });
  for (const name of names) asked.add(name);
  return events;
}

it.each(Object.entries(KINDS))('%s trains on WebAssembly with all its methods', async (kind, model) => {
  await train(`${kind}-teacher`, { student: model(6), evaluate: { every: 0 } });
  const events = await train(kind, {
    student: model(4),
    teacher: { weights: join(folder, `${kind}-teacher`) },
    distillers: withOptions(kind, methodsOf(kind, true)),
  });
  const values = logsOf(events).flatMap(({ terms }) => Object.values(terms));
  expect(values.length).toBeGreaterThan(0);
  expect(values.every(Number.isFinite)).toBe(true);
});

it('asks for the kernels that testEngine compares, and for no other', () => {
  expect([...asked].sort()).toEqual([...STEP_KERNELS].sort());
});
