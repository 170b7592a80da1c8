import { existsSync, readFileSync } from 'node:fs';
import type { BackboneDefinition, Engine } from '@kd/core';
import { cpuEngine } from '@kd/testing';
import { layerVariables } from '@kd/vision';
import { importStateDict, openWeights, PUBLISHED, publishedFile, toFloat32 } from '@kd/weights';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENGINE, namedEngine } from '../../../tests/named-engine.js';
import {
  type BackboneCase,
  builtFor,
  compareBackbone,
  compareStages,
  contextOf,
  graphOf,
  type StageNumbers,
} from '../../../tests/reference/compare-backbone.js';
import { efficientnetLite } from './index.js';

// Expected numbers: `python tests/reference/efficientnet-lite.py`, torch 2.6 in float64.

interface Case extends BackboneCase {
  readonly version: number;
  readonly height: number;
  readonly width: number;
}
const file = new URL('../../../tests/reference/efficientnet-lite.json', import.meta.url);
const { cases, published } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly cases: readonly Case[];
  readonly published: { readonly height: number; readonly width: number; readonly stages: readonly StageNumbers[] };
};
const definition = efficientnetLite.definition as BackboneDefinition;

// Other files of this process run on the plain engine.
afterAll(() => tf.setBackend('cpu'));

// Gradients of these take minutes on the plain engine: `depthwise-conv.test.ts` has them, of one layer.
describe.each<[string, Engine, readonly Case[]]>([
  ['plain JavaScript', cpuEngine(), []],
  [ENGINE, await namedEngine(), cases],
])('on %s', (_, engine, some) => {
  beforeAll(() => engine.start());

  it.each(some)('version $version is torch’s at $height x $width, training $training', (expected) => {
    compareBackbone(engine, builtFor(definition, { version: expected.version }, expected), expected, expected);
  });

  const weights = publishedFile(PUBLISHED[0]!);
  it.skipIf(!existsSync(weights))('the published weights give torch’s maps (needs them in the cache)', async () => {
    const { height, width, stages } = published;
    const backbone = builtFor(definition, { version: 0 }, { training: false, stages });
    const { tensors } = importStateDict((await openWeights(weights)).values);
    for (const { path, variable } of layerVariables(backbone.layers))
      tf.tidy(() => variable.assign(tf.tensor(toFloat32(tensors.get(path)!), variable.shape)));
    // A smooth picture, round(127.5 + 120 sin(…)), as the weights see pixels: less 127, by 128.
    const pixels = Float32Array.from({ length: height * width * 3 }, (__, i) => {
      const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
      return (Math.round(127.5 + 120 * Math.sin(0.05 * (1 + c) * x + 0.08 * y + c)) - 127) / 128;
    });
    const images = tf.tensor4d(pixels, [1, height, width, 3]);
    const maps = tf.tidy(() => graphOf(backbone)(images, contextOf(engine, false)).map((map) => tf.keep(map)));
    compareStages(backbone, maps, stages);
    expect(tensors.size).toBe(backbone.layers.flatMap(({ weights: own }) => own).length);
    tf.dispose([images, maps]);
  });
});
