import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, type TrainerEvent, Trainer } from '@kd/core';
import { ports } from '@kd/cli';
import { fasterRcnn } from '@kd/detector-faster-rcnn';
import { tensorflow } from '@kd/engine-tensorflow';
import { crosskd } from '@kd/plugin-crosskd';
import { pkd } from '@kd/plugin-pkd';
import { ssim } from '@kd/plugin-ssim';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** A two-stage model of a few thousand weights; the teacher is wider inside, and has the same neck. */
const model = (width: number) =>
  fasterRcnn({
    backbone: { block: 'basic', layers: [1, 1, 1, 1], width },
    fpnChannels: 8,
    anchors: { sizes: [[8], [16], [32], [64], [128]] },
    rpn: { preNmsTopN: 50, postNmsTopN: 32, batchSize: 32 },
    roi: { batchSize: 32, canonicalScale: 32 },
    box: { representationSize: 16 },
    input: { fixedSize: [96, 96] },
  });
const pictures = { format: 'synthetic', classes: ['striped-disk', 'speckled-ring'], size: 96, sizes: [20, 60], objects: [1, 3] };

describe('a two-stage student on the native engine', () => {
  let folder: string;
  const run = async (out: string, more: Partial<Config>): Promise<TrainerEvent[]> => {
    const events: TrainerEvent[] = [];
    const config = {
      engine: tensorflow(), student: model(4), data: { train: { ...pictures, name: 'two-stage', images: 12, seed: 1 }, val: { ...pictures, name: 'two-stage-val', images: 4, seed: 2 }, workers: 0 },
      batchSize: 4, epochs: 1, optimizer: { name: 'adamw', lr: 1e-3 }, log: { every: 1 }, ...more,
    } as unknown as Config;
    await new Trainer(config, { ...ports, out: join(folder, out), listeners: [{ name: 'test', on: (event) => void events.push(event) }] }).fit();
    return events;
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kd-two-stage-'));
    await run('teacher', { student: model(6) });
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('learns from the neck of a two-stage teacher, SSIM and PKD alike, with constant tensors', async () => {
    const events = await run('student', { teacher: { weights: join(folder, 'teacher') }, distillers: [ssim({}), pkd({})] });
    const logs = events.flatMap((event) => (event.type === 'log' ? [event] : []));
    expect(logs.length).toBe(3);
    expect(Object.keys(logs[0]!.terms)).toEqual(['loss_classifier', 'loss_box_reg', 'loss_objectness', 'loss_rpn_box_reg', 'ssim.feat', 'pkd.feat']);
    for (const { terms } of logs) for (const [name, value] of Object.entries(terms)) expect(Number.isFinite(value) && value >= 0, `${name}: ${value}`).toBe(true);
    expect(logs[0]!.terms['ssim.feat']).toBeGreaterThan(0);
    expect(new Set(logs.slice(1).map(({ tensors }) => tensors)).size).toBe(1);
    expect(events.some(({ type }) => type === 'evaluation')).toBe(true);
  });

  it('is refused by CrossKD, which needs a dense head', async () => {
    await expect(run('refused', { teacher: { weights: join(folder, 'teacher') }, distillers: [crosskd({})] })).rejects.toThrow(/crosskd.*dense|crosskd.*head/s);
  });
});
