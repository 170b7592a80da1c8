// Teachers that lie in examples: what their headers say of them is still what a detector takes.
import '@tensorflow/tfjs-backend-cpu';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buildDetector, type Category, type DetectorDefinition } from '@kd/core';
import { fasterRcnn } from '@kd/detector-faster-rcnn';
import { fcos } from '@kd/detector-fcos';
import { gfl } from '@kd/detector-gfl';
import { retinanet } from '@kd/detector-retinanet';
import { readSafetensors } from '@kd/weights';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';

const examples = join(import.meta.dirname, '../../examples');
const definitions = new Map(
  [fasterRcnn, fcos, gfl, retinanet].map(({ definition }) => [
    definition.name,
    definition as unknown as DetectorDefinition,
  ]),
);

interface Stored {
  readonly name: string;
  readonly options: unknown;
  readonly categories: readonly Category[];
}

beforeAll(() => tf.setBackend('cpu'));

const kept = readdirSync(examples, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.safetensors'),
);

it.each(kept.sort())('%s is the detector that it says', async (file) => {
  const { tensors, metadata } = await readSafetensors(join(examples, file));
  const { name, options, categories } = JSON.parse(metadata['detector']!) as Stored;
  const { detector } = buildDetector({ definition: definitions.get(name)!, options }, { categories, seed: 0 });
  const stored = [...tensors.keys()].filter((key) => key.startsWith('student/'));
  expect(stored.map((key) => key.slice('student/'.length)).sort(), basename(file)).toEqual(
    detector.variables.map(({ path }) => path).sort(),
  );
  detector.dispose();
});
