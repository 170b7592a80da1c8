import { readFileSync } from 'node:fs';
import type { BackboneDefinition, Engine } from '@kd/core';
import { tensorflow } from '@kd/engine-tensorflow';
import { cpuEngine } from '@kd/testing';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type BackboneCase, builtFor, compareBackbone } from '../../../tests/reference/compare-backbone.js';
import { mobilenetV2, mobilenetV3Large, mobilenetV3Small } from './index.js';

// Expected numbers: `python tests/reference/mobilenet.py`, torchvision 0.21 in float64.

interface Case extends BackboneCase {
  readonly name: string;
  readonly width: number;
}
const file = new URL('../../../tests/reference/mobilenet.json', import.meta.url);
const { cases, ...size } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly height: number;
  readonly width: number;
  readonly cases: readonly Case[];
};
const definitions = [mobilenetV2, mobilenetV3Large, mobilenetV3Small].map(
  ({ definition }) => definition as BackboneDefinition,
);

// Other files of this process run on the plain engine.
afterAll(() => tf.setBackend('cpu'));

// On the plain engine one case, which has every kind of layer but ReLU6: it takes seconds for each.
const plain = cases.filter(({ name, training }) => name === 'mobilenet-v3-small' && training);

describe.each<[string, Engine, readonly Case[]]>([
  ['plain JavaScript', cpuEngine(), plain],
  ['TensorFlow', tensorflow(), cases],
])('on %s', (_, engine, some) => {
  beforeAll(() => engine.start());

  it.each(some)('$name at width $width is torchvision’s, training $training', (expected) => {
    const definition = definitions.find(({ name }) => name === expected.name)!;
    compareBackbone(engine, builtFor(definition, { width: expected.width }, expected), expected, size);
  });
});
