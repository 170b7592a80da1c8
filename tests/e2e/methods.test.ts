// Every method of the comparison papers that reads predictions or instances, on every kind of detector.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, Trainer, type TrainerEvent } from '@kd/core';
import { ports } from '@kd/cli';
import { cascadeRcnn, fasterRcnn } from '@kd/detector-faster-rcnn';
import { fcos } from '@kd/detector-fcos';
import { atss, gfl } from '@kd/detector-gfl';
import { retinanet } from '@kd/detector-retinanet';
import { tensorflow } from '@kd/engine-tensorflow';
import { icd } from '@kd/plugin-conditional';
import { gid } from '@kd/plugin-general-instances';
import { ld } from '@kd/plugin-localization';
import { frs, pfi } from '@kd/plugin-prediction-guided';
import { prototype } from '@kd/plugin-prototype';
import { ssim } from '@kd/plugin-ssim';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** A model of a few thousand weights; a teacher is wider inside, and has the same neck. */
const trunk = (width: number) => ({
  backbone: { block: 'basic' as const, layers: [1, 1, 1, 1] as [number, number, number, number], width },
  fpnChannels: 8,
  input: { fixedSize: [96, 96] as [number, number] },
});
const two = (width: number) => ({
  ...trunk(width),
  anchors: { sizes: [[8], [16], [32], [64], [128]] },
  rpn: { preNmsTopN: 50, postNmsTopN: 32, batchSize: 32 },
  roi: { batchSize: 16, canonicalScale: 32 },
  box: { representationSize: 16 },
});
const KINDS = {
  retinanet: (width: number) => retinanet({ ...trunk(width), head: { depth: 1 } }),
  fcos: (width: number) => fcos({ ...trunk(width), head: { depth: 1, groups: 2 } }),
  atss: (width: number) => atss({ ...trunk(width), head: { depth: 1, groups: 2 } }),
  gfl: (width: number) => gfl({ ...trunk(width), head: { depth: 1, groups: 2 } }),
  'faster-rcnn': (width: number) => fasterRcnn(two(width)),
  'cascade-rcnn': (width: number) => cascadeRcnn(two(width)),
};

const pictures = {
  format: 'synthetic',
  classes: ['striped-disk', 'speckled-ring'],
  size: 96,
  sizes: [20, 60],
  objects: [1, 3],
};

describe.each(Object.entries(KINDS))('on %s', (kind, model) => {
  let folder: string;
  const run = async (out: string, more: Partial<Config>): Promise<TrainerEvent[]> => {
    const events: TrainerEvent[] = [];
    const config = {
      engine: tensorflow(),
      student: model(4),
      data: {
        train: { ...pictures, name: kind, images: 12, seed: 1 },
        val: { ...pictures, name: `${kind}-val`, images: 2, seed: 2 },
        workers: 0,
      },
      batchSize: 4,
      epochs: 1,
      optimizer: { name: 'adamw', lr: 1e-3 },
      log: { every: 1 },
      ...more,
    } as unknown as Config;
    await new Trainer(config, {
      ...ports,
      out: join(folder, out),
      listeners: [{ name: 'test', on: (event) => void events.push(event) }],
    }).fit();
    return events;
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kd-methods-'));
    await run('teacher', { student: model(6) });
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('learns from PFI, FR, GID and ICD, beside weights of instances, with constant tensors', async () => {
    const events = await run('student', {
      teacher: { weights: join(folder, 'teacher') },
      distillers: [
        prototype({ weights: { global: 0, feature: 0, response: 0 } }),
        pfi({}),
        frs({ schedule: {} }),
        gid({ minSide: 4 }),
        icd({ heads: 2, schedule: {} }),
        ssim({}),
        ...(kind === 'gfl' ? [ld({})] : []),
      ],
    });
    const logs = events.flatMap((event) => (event.type === 'log' ? [event] : []));
    expect(logs).toHaveLength(3);
    for (const { terms } of logs) {
      expect(Object.keys(terms)).toEqual(
        expect.arrayContaining([
          'pfi.imitation',
          'frs.feature',
          'frs.classification',
          'gid.feature',
          'gid.relation',
          'gid.responseCls',
          'gid.responseReg',
          'icd.value',
          'icd.helperConfidence',
          'icd.helperLocation',
          'ssim.feat',
          ...(kind === 'gfl' ? ['ld.main', 'ld.vlr'] : []),
        ]),
      );
      for (const [name, value] of Object.entries(terms)) expect(Number.isFinite(value), `${name}: ${value}`).toBe(true);
      for (const name of ['pfi.imitation', 'frs.feature', 'frs.classification', 'icd.value', 'icd.helperConfidence'])
        expect(terms[name], name).toBeGreaterThan(0);
    }
    expect(new Set(logs.slice(1).map(({ tensors }) => tensors)).size).toBe(1);
  });

  it.runIf(kind !== 'gfl')('is refused by LD before the first step, with the reason', async () => {
    await expect(
      run('refused', { teacher: { weights: join(folder, 'teacher') }, distillers: [ld({})] }),
    ).rejects.toMatchObject({
      code: 'PLUGIN_REQUIRES',
      message: expect.stringMatching(
        new RegExp(`ld: the student \\(${kind}\\) .*distributions over the edges of boxes.*e\\.g\\. gfl`, 's'),
      ) as string,
    });
  });
});
