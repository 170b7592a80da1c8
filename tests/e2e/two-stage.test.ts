import { join } from 'node:path';
import type { Config, TrainerEvent } from '@kd/core';
import { fasterRcnn } from '@kd/detector-faster-rcnn';
import { retinanet } from '@kd/detector-retinanet';
import { runOp } from '@kd/engine-tensorflow';
import { crosskd } from '@kd/plugin-crosskd';
import { kd, rkd } from '@kd/plugin-logits';
import { prototype } from '@kd/plugin-prototype';
import { groupedConv2d } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { namedEngine } from '../named-engine.js';
import { describeOnTensorflow } from '../needs-tensorflow.js';
import { temporaryFolder } from './kd.js';
import { logsOf, picturesFor, trainTiny } from './train-tiny.js';

const engine = await namedEngine();

/** A two-stage model of a few thousand weights; the teacher is wider inside, and has the same neck. */
const model = (width: number, regions = 32) =>
  fasterRcnn({
    backbone: { block: 'basic', layers: [1, 1, 1, 1], width },
    fpnChannels: 8,
    anchors: { sizes: [[8], [16], [32], [64], [128]] },
    rpn: { preNmsTopN: 50, postNmsTopN: 32, batchSize: 32 },
    roi: { batchSize: regions, canonicalScale: 32 },
    box: { representationSize: 16 },
    input: { fixedSize: [96, 96] },
  });

describe('a two-stage student', () => {
  const folder = temporaryFolder();
  const run = (out: string, more: Partial<Config>): Promise<TrainerEvent[]> =>
    trainTiny(
      { engine, student: model(4), data: picturesFor('two-stage', 8), batchSize: 4, ...more },
      { out: join(folder, out) },
    );
  beforeAll(async () => {
    await run('teacher', { student: model(6), compile: false });
  });

  it('learns where the sampler takes no positive region, from methods on instances as well', async () => {
    const events = await run('no-positives', {
      // A quarter of two is none.
      student: model(4, 2),
      teacher: { weights: join(folder, 'teacher') },
      distillers: [prototype({}), kd({}), rkd({})],
    });
    const logs = logsOf(events);
    expect(logs.length).toBe(2);
    for (const { terms } of logs) {
      expect(Object.keys(terms)).toEqual(expect.arrayContaining(['prototype.global', 'kd.cls', 'rkd.distance']));
      for (const [name, value] of Object.entries(terms)) expect(Number.isFinite(value), `${name}: ${value}`).toBe(true);
    }
  });

  it('is no teacher for CrossKD of a student of one stage', async () => {
    const student = retinanet({ fpnChannels: 8, input: { fixedSize: [96, 96] } }) as Config['student'];
    await expect(
      run('refused', { student, teacher: { weights: join(folder, 'teacher') }, distillers: [crosskd({})] }),
    ).rejects.toThrow(
      /crosskd: the student \(retinanet\) has one stage and the teacher \(faster-rcnn\) has two stages/,
    );
  });
});

describeOnTensorflow('native ops', () => {
  it('computes grouped convolutions and their gradients natively as group by group', () => {
    for (const [stride, padding, channels] of [
      [1, 'same', 64],
      [2, 'valid', 64],
      [1, 'same', 4],
    ] as const) {
      tf.tidy(() => {
        const [x, kernel] = [
          tf.randomNormal<tf.Rank.R4>([2, 13, 12, channels], 0, 1, 'float32', 1),
          tf.randomNormal<tf.Rank.R4>([3, 3, channels / 4, 2 * channels], 0, 1, 'float32', 2),
        ];
        const of = (native: typeof runOp | undefined): tf.Tensor[] => {
          const y = groupedConv2d(x, kernel, { stride, padding }, native);
          const seed = tf.randomNormal(y.shape, 0, 1, 'float32', 3);
          return [
            y,
            ...tf.grads((a: tf.Tensor, k: tf.Tensor) =>
              tf.sum(tf.mul(groupedConv2d(a as tf.Tensor4D, k as tf.Tensor4D, { stride, padding }, native), seed)),
            )([x, kernel]),
          ];
        };
        const wanted = of(undefined);
        of(runOp).forEach((got, i) => {
          const largest = tf.max(tf.abs(wanted[i]!)).dataSync()[0]!;
          expect(largest).toBeGreaterThan(0);
          expect(tf.max(tf.abs(tf.sub(got, wanted[i]!))).dataSync()[0]).toBeLessThan(1e-5 * largest);
        });
      });
    }
  });
});
