import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ports } from '@kd/cli';
import { type Config, Trainer, type TrainerEvent, type TrainerOptions } from '@kd/core';
import { fasterRcnn } from '@kd/detector-faster-rcnn';
import { retinanet } from '@kd/detector-retinanet';
import { tensorflow } from '@kd/engine-tensorflow';
import { pkd } from '@kd/plugin-pkd';
import { prototype } from '@kd/plugin-prototype';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Models of a few thousand weights; the teacher's neck is wider. */
const common = (width: number) => ({
  backbone: { block: 'basic' as const, layers: [1, 1, 1, 1], width },
  fpnChannels: 2 * width,
  input: { fixedSize: [96, 96] as [number, number] },
});
const models = {
  retinanet: (width: number) =>
    retinanet({
      ...common(width),
      head: { depth: 1, channels: 8 },
      anchors: { sizes: [[16], [32], [64], [128], [256]] },
    }),
  'faster-rcnn': (width: number) =>
    fasterRcnn({
      ...common(width),
      anchors: { sizes: [[8], [16], [32], [64], [128]] },
      rpn: { preNmsTopN: 50, postNmsTopN: 32, batchSize: 32 },
      roi: { batchSize: 32, canonicalScale: 32 },
      box: { representationSize: 16 },
    }),
};
const pictures = {
  format: 'synthetic',
  classes: ['striped-disk', 'speckled-ring'],
  size: 96,
  sizes: [20, 60],
  objects: [1, 3],
};

describe.each(['retinanet', 'faster-rcnn'] as const)('prototypes with %s on the native engine', (name) => {
  let folder: string;
  let student: readonly TrainerEvent[];
  const run = async (
    out: string,
    more: Partial<Config>,
    {
      onEvent,
      ...options
    }: Pick<TrainerOptions, 'signal' | 'resume'> & { readonly onEvent?: (event: TrainerEvent) => void } = {},
  ): Promise<TrainerEvent[]> => {
    const events: TrainerEvent[] = [];
    const config = {
      engine: tensorflow(),
      student: models[name](4),
      data: {
        train: { ...pictures, name: 'prototypes', images: 8, seed: 1 },
        val: { ...pictures, name: 'prototypes-val', images: 2, seed: 2 },
        workers: 0,
      },
      batchSize: 4,
      epochs: 1,
      optimizer: { name: 'adamw', lr: 1e-3 },
      log: { every: 1 },
      ...more,
    } as unknown as Config;
    const on = (event: TrainerEvent): void => {
      events.push(event);
      onEvent?.(event);
    };
    await new Trainer(config, {
      ...ports,
      out: join(folder, out),
      listeners: [{ name: 'test', on }],
      ...options,
    }).fit();
    return events;
  };
  const logs = (events: readonly TrainerEvent[]) => events.flatMap((event) => (event.type === 'log' ? [event] : []));
  const taught = (options: Parameters<typeof prototype>[0] = {}): Partial<Config> => ({
    teacher: { weights: join(folder, 'teacher') },
    distillers: [prototype(options), pkd({ adapter: 'conv1x1' })] as never,
    epochs: 2,
  });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kd-prototype-'));
    await run('teacher', { student: models[name](6) });
    student = await run('student', taught({ every: { steps: 2 } }));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('builds a bank every second step, and adds its terms, with constant tensors', async () => {
    const all = logs(student);
    expect(all).toHaveLength(4);
    expect(Object.keys(all[0]!.terms).filter((term) => term.startsWith('prototype.'))).toEqual([
      'prototype.global',
      'prototype.feature',
      'prototype.response',
    ]);
    for (const { terms } of all)
      for (const [term, value] of Object.entries(terms))
        expect(Number.isFinite(value) && value >= 0, `${term}: ${value}`).toBe(true);
    for (const term of ['prototype.global', 'prototype.feature', 'prototype.response'])
      expect(
        all.some(({ terms }) => terms[term]! > 0),
        term,
      ).toBe(true);
    expect(new Set(all.slice(1).map(({ tensors }) => tensors)).size).toBe(1);
    expect((await readdir(join(folder, 'student', 'passes', 'prototype'))).sort()).toEqual([
      'cache',
      'step-0.safetensors',
      'step-2.safetensors',
    ]);
    expect(student.some((event) => event.type === 'pass' && event.done === event.of)).toBe(true);
  });

  it('goes on after a stop in the second epoch as if nothing had happened', async () => {
    const whole = logs(student);
    const controller = new AbortController();
    const onEvent = (event: TrainerEvent): void => {
      if (event.type === 'step' && event.step === 3) controller.abort();
    };
    await run('parts', taught({ every: { steps: 2 } }), { signal: controller.signal, onEvent });
    const rest = logs(await run('parts', taught({ every: { steps: 2 } }), { resume: true }));
    expect(rest.length).toBeGreaterThan(0);
    expect(rest.length).toBeLessThan(4);
    expect(rest.map(({ step, terms }) => ({ step, terms }))).toEqual(
      whole.slice(-rest.length).map(({ step, terms }) => ({ step, terms })),
    );
  });
});
