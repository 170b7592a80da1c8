import { cpuEngine, toyData } from '@kd/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { of, removeFolders, run, toyConfig } from '../../test/toy-run.js';
import type { GroundTruth, Metric } from '../contract/metric.js';

vi.setConfig({ testTimeout: 60_000 });

beforeAll(() => cpuEngine().start());
afterAll(removeFolders);

it('counts images that could not be read, and leaves their objects out of the metric', async () => {
  const val = toyData({ images: 6, seed: 9, size: 16 });
  const gone = (files: readonly string[]): typeof val => ({
    ...val,
    open: async (context) => {
      const all = await val.open(context);
      const there = all.images.flatMap(({ file }, index) => (files.includes(file) ? [] : [index]));
      return { ...all, loader: (options) => all.loader({ ...options, indices: there }) };
    },
  });
  const images = (truth: GroundTruth): number => truth.images.length;
  const objects = (truth: GroundTruth): number => truth.images.flatMap(({ annotations }) => annotations).length;
  const counting: Metric = {
    name: 'counting',
    primary: 'images',
    evaluate: (truth) => ({ metrics: { images: images(truth), objects: objects(truth) }, perClass: [] }),
  };
  const config = toyConfig({ epochs: 1, evaluate: { metric: counting } });
  const { summary, events } = await run({ ...config, data: { ...config.data, val: gone(['toy-2', 'toy-4']) } });
  // Every third image is empty, the next has one object and the next two.
  expect(summary!.metrics).toEqual({ images: 4, objects: 6 - 3 });
  const skipped = ['toy-2', 'toy-4'].map((file) => ({ file, why: 'its loader left it out', times: 1 }));
  expect(summary!.evaluation).toEqual({ images: 4, skipped });
  expect(of(events, 'evaluation')[0]!.result).toMatchObject({ images: 4, skipped });
});
