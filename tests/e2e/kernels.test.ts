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
    const whole = { engine: wasm(), data: picturesFor('pictures', 4, 1), batchSize: 4, ...config };
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
  const terms = logsOf(events).flatMap((log) => Object.entries(log.terms));
  for (const [name, value] of terms) expect(Number.isFinite(value), `${name}: ${value}`).toBe(true);
  for (const method of methodsOf(kind, true)) {
    const values = terms.flatMap(([name, value]) => (name.startsWith(`${method}.`) ? [value] : []));
    expect(Math.max(0, ...values), method).toBeGreaterThan(0);
  }
});

it('asks for the kernels that testEngine compares, and for no other', () => {
  expect([...asked].sort()).toEqual([...STEP_KERNELS].sort());
});
