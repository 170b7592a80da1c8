// Every detector with every method that it can be taught by trains on the engine that needs npm alone; what they ask
// an engine for is what testEngine compares, kernel by kernel.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ports } from '@kd/cli';
import { type Config, Trainer, type TrainerEvent } from '@kd/core';
import { wasm } from '@kd/engine-wasm';
import { recordKernels, STEP_KERNELS } from '@kd/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root } from './kd.js';
import { KINDS, methodsOf, pictures, withOptions } from './tiny-detectors.js';

let folder: string;
const asked = new Set<string>();
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'kd-kernels-'))));
afterAll(() => rm(folder, { recursive: true }));

async function train(out: string, config: Partial<Config>): Promise<TrainerEvent[]> {
  const events: TrainerEvent[] = [];
  const whole = {
    engine: wasm(),
    data: {
      train: { ...pictures, name: 'pictures', images: 4, seed: 1 },
      val: { ...pictures, name: 'pictures-val', images: 1, seed: 2 },
      workers: 0,
    },
    batchSize: 2,
    epochs: 1,
    optimizer: { name: 'adamw', lr: 1e-3 },
    log: { every: 1 },
    ...config,
  } as unknown as Config;
  const listeners = [{ name: 'test', on: (event: TrainerEvent) => void events.push(event) }];
  const names = await recordKernels(async () => {
    await new Trainer(whole, { ...ports, folder: root, out: join(folder, out), listeners }).fit();
  });
  for (const name of names) asked.add(name);
  return events;
}

it.each(Object.entries(KINDS))('%s trains on WebAssembly with all its methods', async (kind, model) => {
  await train(`${kind}-teacher`, { student: model(6), batchSize: 4 });
  const events = await train(kind, {
    student: model(4),
    teacher: { weights: join(folder, `${kind}-teacher`) },
    distillers: withOptions(kind, methodsOf(kind, true)),
  });
  const values = events.flatMap((event) => (event.type === 'log' ? Object.values(event.terms) : []));
  expect(values.length).toBeGreaterThan(0);
  expect(values.every(Number.isFinite)).toBe(true);
});

it('asks for the kernels that testEngine compares, and for no other', () => {
  expect([...asked].sort()).toEqual([...STEP_KERNELS].sort());
});
