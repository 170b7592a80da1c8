import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config, TrainerEvent } from '@kd/core';
import { fasterRcnn } from '@kd/detector-faster-rcnn';
import { retinanet } from '@kd/detector-retinanet';
import { pkd } from '@kd/plugin-pkd';
import { prototype } from '@kd/plugin-prototype';
import { beforeAll, describe, expect, it } from 'vitest';
import { namedEngine } from '../named-engine.js';
import { temporaryFolder } from './kd.js';
import { logsOf, picturesFor, trainTiny } from './train-tiny.js';

const engine = await namedEngine();

/** Models of a few thousand weights and as few levels as can be; the teacher's neck is wider. */
const common = (width: number) => ({
  backbone: { block: 'basic' as const, layers: [1, 1, 1, 1], width },
  fpnChannels: 2 * width,
  extra: 'none' as const,
  input: { fixedSize: [96, 96] as [number, number] },
});
const models = {
  retinanet: (width: number) =>
    retinanet({
      ...common(width),
      head: { depth: 1, channels: 8 },
      anchors: { sizes: [[16], [32], [64]] },
    }),
  'faster-rcnn': (width: number) =>
    fasterRcnn({
      ...common(width),
      anchors: { sizes: [[8], [16], [32], [64]] },
      rpn: { preNmsTopN: 50, postNmsTopN: 32, batchSize: 32 },
      roi: { batchSize: 32, canonicalScale: 32 },
      box: { representationSize: 16 },
    }),
};

// Compiled once: a bank that is built anew has to reach the graph. What regions add to it, methods.test.ts compiles.
describe.each([
  ['retinanet', true],
  ['faster-rcnn', false],
] as const)('prototypes with %s', (name, compile) => {
  const folder = temporaryFolder();
  let student: readonly TrainerEvent[];
  const run = (
    out: string,
    more: Partial<Config>,
    options: Omit<Parameters<typeof trainTiny>[1], 'out'> = {},
  ): Promise<TrainerEvent[]> =>
    trainTiny(
      { engine, student: models[name](4), data: picturesFor('prototypes', 8, 2), batchSize: 4, compile, ...more },
      { out: join(folder, out), ...options },
    );
  const taught = (options: Parameters<typeof prototype>[0] = {}): Partial<Config> => ({
    teacher: { weights: join(folder, 'teacher') },
    distillers: [prototype(options), pkd({ adapter: 'conv1x1' })] as never,
    epochs: 2,
  });

  beforeAll(async () => {
    await run('teacher', { student: models[name](6), compile: false });
    student = await run('student', taught({ every: { steps: 2 } }));
  });

  it('builds a bank every second step, and adds its terms, with constant tensors', async () => {
    const all = logsOf(student);
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
    const whole = logsOf(student);
    const controller = new AbortController();
    const onEvent = (event: TrainerEvent): void => {
      if (event.type === 'step' && event.step === 3) controller.abort();
    };
    await run('parts', taught({ every: { steps: 2 } }), { signal: controller.signal, onEvent });
    const rest = logsOf(await run('parts', taught({ every: { steps: 2 } }), { resume: true }));
    expect(rest.length).toBeGreaterThan(0);
    expect(rest.length).toBeLessThan(4);
    expect(rest.map(({ step, terms }) => ({ step, terms }))).toEqual(
      whole.slice(-rest.length).map(({ step, terms }) => ({ step, terms })),
    );
  });
});
