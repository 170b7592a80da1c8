// A run goes on from its checkpoint on another engine, equal to the tolerance of floats.
import { join } from 'node:path';
import type { Config } from '@kd/core';
import { tensorflow } from '@kd/engine-tensorflow';
import { wasm } from '@kd/engine-wasm';
import { expect, it } from 'vitest';
import { needsTensorflow } from '../needs-tensorflow.js';
import { temporaryFolder } from './kd.js';
import { KINDS } from './tiny-detectors.js';
import { logsOf, picturesFor, trainTiny } from './train-tiny.js';

needsTensorflow();
const folder = temporaryFolder();

/** Losses by step, and what was told. */
async function train(out: string, config: Partial<Config>, resume = false) {
  const told: string[] = [];
  const logger = { info: (line: string) => void told.push(line), warn: (line: string) => void told.push(line) };
  const events = await trainTiny(
    { student: KINDS.retinanet(4), data: picturesFor('pictures', 6), batchSize: 2, ...config },
    { out: join(folder, out), resume, logger },
  );
  const losses = new Map(
    logsOf(events).map(({ step, terms }) => [step, Object.values(terms).reduce((sum, term) => sum + term, 0)]),
  );
  return { losses, told: told.join('\n') };
}

it('what TensorFlow began WebAssembly ends alike', async () => {
  const all = await train('tensorflow', { engine: tensorflow(), epochs: 2 });
  await train('both', { engine: tensorflow(), epochs: 1 });
  const rest = await train('both', { engine: wasm(), epochs: 2 }, true);
  expect(rest.told).toContain('engine.name "tensorflow", now "wasm"');
  expect(rest.told).toContain('equal to the tolerance of floats, not bit for bit');
  expect([...rest.losses.keys()]).toEqual([4, 5, 6]);
  for (const [step, loss] of rest.losses)
    expect(Math.abs(loss - all.losses.get(step)!) / all.losses.get(step)!, `step ${step}`).toBeLessThan(1e-4);
});
