import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ports } from '@kd/cli';
import {
  buildDetector,
  type Config,
  type DetectorDefinition,
  latestCheckpoint,
  silentLogger,
  Trainer,
  type Use,
} from '@kd/core';
import { cascadeRcnn, fasterRcnn } from '@kd/detector-faster-rcnn';
import { fcos } from '@kd/detector-fcos';
import { atss, gfl } from '@kd/detector-gfl';
import { retinanet } from '@kd/detector-retinanet';
import { readSafetensors } from '@kd/weights';
import { beforeAll, describe, expect, test } from 'vitest';
import { namedEngine } from '../named-engine.js';
import { root, temporaryFolder } from './kd.js';

const engine = await namedEngine();

const folder = temporaryFolder();
const pictures = { format: 'synthetic', classes: ['striped-disk', 'speckled-ring'], size: 64, sizes: [20, 44] };
const tiny = {
  backbone: { block: 'basic' as const, layers: [1, 1, 1, 1], width: 4 },
  fpnChannels: 8,
  input: { fixedSize: [64, 64] as [number, number] },
};

async function train(name: string, config: unknown): Promise<Record<string, unknown>> {
  const out = join(folder, name);
  await new Trainer(config as Config, { ...ports, out, folder: root, logger: silentLogger }).fit();
  return JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')) as Record<string, unknown>;
}

const weights = async (name: string) =>
  (await readSafetensors((await latestCheckpoint(join(folder, name), ports.format))!)).tensors;

/** As few words as a person may use: everything else is a default. */
const brief = {
  student: ['retinanet', { ...tiny, head: { depth: 1 } }],
  data: {
    train: { ...pictures, images: 8 },
    val: { ...pictures, images: 4, seed: 1 },
    augment: [{ name: 'flip' }, { name: 'photometric' }, { name: 'iou-crop' }],
  },
  epochs: 2,
  batchSize: 4,
  optimizer: { name: 'sgd', lr: 0.01 },
  schedule: { kind: 'cosine', warmup: { steps: 2 } },
  evaluate: { metric: ['coco', { maxDetections: [1, 5] }] },
};

beforeAll(() => train('teacher', { ...brief, epochs: 1 }));

describe('the config.json of a run', () => {
  test('holds every default, and run again gives the same run, bit for bit', async () => {
    const distilled = {
      ...brief,
      // Two graphs of seven methods take longer than eight steps of them.
      compile: false,
      teacher: { weights: join(folder, 'teacher') },
      distillers: ['ssim', ['pkd', {}], 'crosskd', 'kd', 'fgfi', ['rkd', { flavour: 'gk' }, { as: 'relations' }]],
    };
    const resolved = await train('first', distilled);
    expect(resolved).toMatchObject({
      seed: 0,
      optimizer: { name: 'sgd', lr: 0.01, momentum: 0.9, dampening: 0, nesterov: false, weightDecay: 1e-4 },
      schedule: { kind: 'cosine', by: 'step', floor: 0, gamma: 0.1, warmup: { steps: 2, factor: 0.001 } },
      student: [
        'retinanet',
        {
          norm: 'group',
          trainableLayers: 5,
          boxLoss: 'l1',
          head: { channels: 8, norm: 'none' },
          anchors: { sizes: { length: 5 } },
        },
      ],
      distillers: [
        ['ssim', { weight: 4 }],
        ['pkd', { weight: 10 }],
        ['crosskd', { i: 1, weights: { cls: 1, reg: 1 }, coding: 'same' }],
        ['kd', { loss: 'qfl', weight: 1, on: 'all', beta: 1 }],
        ['fgfi', { weight: 3, adapter: 'conv3x3', schedule: { start: 0, warmup: 0, decay: 'none' } }],
        ['rkd', { distance: 5, angle: 10, schedule: { decay: 'epoch' } }, { as: 'relations' }],
      ],
      data: {
        train: { seed: 0, objects: [2, 8], noise: 8 },
        augment: [{ name: 'flip', probability: 0.5 }, { name: 'photometric', hue: [-0.05, 0.05] }, { trials: 40 }],
        workers: 1,
      },
      evaluate: { every: 1, metric: ['coco', { maxDetections: [1, 5] }], batchSize: 4 },
    });
    expect(await train('again', resolved)).toEqual(resolved);
    const [first, again] = [await weights('first'), await weights('again')];
    expect([...again.keys()]).toEqual([...first.keys()]);
    for (const [name, { data }] of first) expect(again.get(name)!.data, name).toEqual(data);
  });

  test('names the optimiser of the run where no optimiser is given', async () => {
    const { optimizer: _, ...without } = brief;
    expect(await train('plain', { ...without, epochs: 1 })).toMatchObject({
      optimizer: { name: 'sgd', lr: 0.01, momentum: 0.9, weightDecay: 1e-4 },
    });
  });
});

describe('the resolved options of a detector', () => {
  beforeAll(async () => void (await engine.start()));
  const head = { groups: 4 };
  const detectors = {
    'retinanet, mmdet': retinanet({ ...tiny, flavour: 'mmdet' }),
    'retinanet 2': retinanet({ ...tiny, version: 2, head }),
    fcos: fcos({ ...tiny, head }),
    'fcos, mmdet': fcos({ ...tiny, flavour: 'mmdet', head }),
    atss: atss({ ...tiny, head }),
    gfl: gfl({ ...tiny, head }),
    'faster-rcnn': fasterRcnn({ ...tiny, box: { representationSize: 8 } }),
    'faster-rcnn 2': fasterRcnn({ ...tiny, version: 2, box: { representationSize: 8 } }),
    'faster-rcnn, lists': fasterRcnn({ ...tiny, version: 2, box: { convLayers: [8, 4], fcLayers: [8] } }),
    'cascade-rcnn': cascadeRcnn({ ...tiny, box: { representationSize: 8 } }),
  } as unknown as Record<string, Use<DetectorDefinition>>;

  test.each(Object.entries(detectors))('%s: make the same detector again', (_, use) => {
    const context = { categories: [{ id: 1, name: 'a' }], seed: 0 };
    const first = buildDetector(use, context);
    const options = JSON.parse(JSON.stringify(first.spec.options)) as unknown;
    const again = buildDetector({ ...use, options }, context);
    expect(options).toMatchObject({
      norm: expect.any(String) as string,
      trainableLayers: expect.any(Number) as number,
    });
    expect(again.spec.options).toEqual(first.spec.options);
    expect(again.detector.config).toEqual(first.detector.config);
    first.detector.dispose();
    again.detector.dispose();
  });
});
