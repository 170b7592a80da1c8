// A run goes on from its checkpoint on another engine, equal to the tolerance of floats.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ports } from '@kd/cli';
import { type Config, Trainer, type TrainerEvent } from '@kd/core';
import { diagnose, tensorflow } from '@kd/engine-tensorflow';
import { wasm } from '@kd/engine-wasm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root } from './kd.js';
import { KINDS, pictures } from './tiny-detectors.js';

const { usable, advice } = await diagnose();
let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'kd-engines-'))));
afterAll(() => rm(folder, { recursive: true }));

/** Losses by step, and what was told. */
async function train(out: string, config: Partial<Config>, resume = false) {
  const losses = new Map<number, number>();
  const told: string[] = [];
  const whole = {
    student: KINDS.retinanet(4),
    data: { train: { ...pictures, name: 'pictures', images: 6, seed: 1 }, workers: 0 },
    batchSize: 2,
    optimizer: { name: 'adamw', lr: 1e-3 },
    log: { every: 1 },
    ...config,
  } as unknown as Config;
  const on = (event: TrainerEvent): void =>
    void (
      event.type === 'log' &&
      losses.set(
        event.step,
        Object.values(event.terms).reduce((sum, term) => sum + term, 0),
      )
    );
  const logger = { info: (line: string) => void told.push(line), warn: (line: string) => void told.push(line) };
  const options = { ...ports, folder: root, out: join(folder, out), resume, logger, listeners: [{ name: 'test', on }] };
  await new Trainer(whole, options).fit();
  return { losses, told: told.join('\n') };
}

it.skipIf(!usable)(
  `what TensorFlow began WebAssembly ends alike${usable ? '' : ` (skipped: ${advice.join(' ')})`}`,
  async () => {
    const all = await train('tensorflow', { engine: tensorflow(), epochs: 2 });
    await train('both', { engine: tensorflow(), epochs: 1 });
    const rest = await train('both', { engine: wasm(), epochs: 2 }, true);
    expect(rest.told).toContain('engine.name "tensorflow", now "wasm"');
    expect(rest.told).toContain('equal to the tolerance of floats, not bit for bit');
    expect([...rest.losses.keys()]).toEqual([4, 5, 6]);
    for (const [step, loss] of rest.losses)
      expect(Math.abs(loss - all.losses.get(step)!) / all.losses.get(step)!, `step ${step}`).toBeLessThan(1e-4);
  },
);
