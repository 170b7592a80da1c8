import { join } from 'node:path';
import { ports } from '@kd/cli';
import { type Config, silentLogger, Trainer, type TrainerEvent } from '@kd/core';
import { describe, expect, test } from 'vitest';
import { root, temporaryFolder } from './kd.js';

const folder = temporaryFolder();
const pictures = { format: 'synthetic', classes: ['striped-disk', 'speckled-ring'], size: 64, sizes: [20, 44] };
const model = (name: string, options: object, fpnChannels: number) => [
  name,
  {
    backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 4 },
    fpnChannels,
    input: { fixedSize: [64, 64] },
    ...options,
  },
];

async function train(name: string, student: unknown, more: object = {}): Promise<TrainerEvent[]> {
  const events: TrainerEvent[] = [];
  const config = {
    student,
    data: { train: { ...pictures, images: 4 }, val: { ...pictures, images: 2, seed: 1 }, workers: 0 },
    epochs: 1,
    batchSize: 2,
    log: { every: 1 },
    compile: false,
    ...more,
  } as unknown as Config;
  const listeners = [{ name: 'test', on: (event: TrainerEvent) => void events.push(event) }];
  await new Trainer(config, { ...ports, out: join(folder, name), folder: root, logger: silentLogger, listeners }).fit();
  return events;
}

const TERMS = [
  'cwd.cwd',
  ...['foreground', 'background', 'attention', 'relation'].map((term) => `fgd.${term}`),
  ...['feature', 'channel', 'spatial', 'relation'].map((term) => `fbkd.${term}`),
  'mgd.generation',
];

describe('methods on the neck, by their names', () => {
  test.each([
    ['retinanet', { head: { depth: 1 } }],
    ['faster-rcnn', { box: { representationSize: 8 } }],
  ])('teach a %s of another width', async (name, options) => {
    await train(`${name}-teacher`, model(name, options, 12));
    const events = await train(`${name}-student`, model(name, options, 8), {
      teacher: { weights: join(folder, `${name}-teacher`) },
      distillers: ['cwd', 'fgd', 'fbkd', 'mgd'],
    });
    const logs = events.flatMap((event) => (event.type === 'log' ? [event] : []));
    expect(logs).toHaveLength(2);
    for (const { terms } of logs)
      for (const term of TERMS) {
        expect(Number.isFinite(terms[term]), term).toBe(true);
        expect(terms[term], term).toBeGreaterThan(0);
      }
  });
});
