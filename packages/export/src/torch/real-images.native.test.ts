import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Detector } from '@kd/core';
import { type HostImage, inputTransform } from '@kd/data';
import { serializeSafetensors } from '@kd/weights';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { namedEngine } from '../../../../tests/named-engine.js';
import { REAL_FILES, readReal, trainedDetector } from '../../test/real-images.js';
import type { TRAINED } from '../../test/trained-models.js';
import { exportTorch } from './export-torch.js';
import type { TorchFamily } from './torch-config.js';

const python = process.env['KD_PEER_PYTHON'];
const HOW =
  'needs KD_PEER_PYTHON, a Python with: pip install torch torchvision safetensors mmdet "mmcv-lite<2.2", and ../shared/datasets/bccd-mini or KD_BCCD_MINI';

/**
 * The program whose flavour they are of. The cascade is of torchvision's, which has none; torch.test.ts has one of
 * mmdetection's.
 */
const FAMILIES: Readonly<Record<Exclude<keyof typeof TRAINED, 'cascade-rcnn'>, TorchFamily>> = {
  retinanet: 'torchvision',
  fcos: 'mmdet',
  atss: 'mmdet',
  gfl: 'mmdet',
  'faster-rcnn': 'torchvision',
};
const EACH = Object.entries(FAMILIES) as [keyof typeof FAMILIES, TorchFamily][];

interface Found {
  readonly boxes: readonly (readonly number[])[];
  readonly scores: readonly number[];
  readonly labels: readonly number[];
  readonly error?: string;
}

async function house(detector: Detector, image: HostImage): Promise<Found> {
  const batch = inputTransform([{ image, id: 0 }], detector.input);
  const output = detector.forward(tf.tensor4d(batch.images, [...batch.shape]), { training: false });
  const [found] = await detector.detect(output, batch);
  const { boxes, scores, labels } = found!;
  return {
    boxes: Array.from(scores, (_, i) => [...boxes.subarray(4 * i, 4 * i + 4)]),
    scores: [...scores],
    labels: [...labels],
  };
}

describe.skipIf(!python || REAL_FILES.length === 0)(`trained detectors in torch, on real images (${HOW})`, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'kd-export-'));
  const ours = new Map<string, Found>();
  let theirs: Record<string, Found> = {};

  beforeAll(async () => {
    await (await namedEngine()).start();
    const cases: object[] = [];
    for (const [name, family] of EACH) {
      const detector = await trainedDetector(name);
      const { tensors, builder } = await exportTorch(detector, family);
      writeFileSync(join(scratch, `${name}.safetensors`), serializeSafetensors(tensors));
      for (const [i, file] of REAL_FILES.entries()) {
        const image = await readReal(file);
        const one = `${name}-${i}`;
        writeFileSync(join(scratch, `${one}.py`), builder(`${name}.safetensors`));
        writeFileSync(join(scratch, `${one}.rgb`), image.data);
        cases.push({ name: one, family, image: [image.height, image.width] });
        ours.set(one, await house(detector, image));
      }
      detector.dispose();
    }
    writeFileSync(join(scratch, 'cases.json'), JSON.stringify(cases));
    const script = fileURLToPath(new URL('../../foreign/torch_models.py', import.meta.url));
    const printed = execFileSync(python!, [script, scratch], { encoding: 'utf8', maxBuffer: 1 << 26 });
    theirs = JSON.parse(printed.split('RESULT ')[1]!) as typeof theirs;
  });
  afterAll(() => rmSync(scratch, { recursive: true }));

  const names = EACH.flatMap(([name, family]) => REAL_FILES.map((_, i) => [name, family, i] as const));
  test.each(names)('%s in %s, image %i: the same boxes in the same order', (name, family, i) => {
    const [mine, other] = [ours.get(`${name}-${i}`)!, theirs[`${name}-${i}`]!];
    expect(other.error).toBeUndefined();
    expect(mine.scores.length).toBeGreaterThan(10);
    const background = family === 'torchvision' && name === 'faster-rcnn' ? 1 : 0;
    expect(other.labels.map((label) => label - background)).toEqual(mine.labels);
    mine.scores.forEach((score, k) => {
      expect(Math.abs(other.scores[k]! - score)).toBeLessThan(2e-4);
      mine.boxes[k]!.forEach((side, s) => expect(Math.abs(other.boxes[k]![s]! - side)).toBeLessThan(0.05));
    });
  });
});
