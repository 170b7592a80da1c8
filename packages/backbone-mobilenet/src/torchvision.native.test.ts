import { readFileSync } from 'node:fs';
import type { BackboneDefinition } from '@kd/core';
import { beforeAll, it } from 'vitest';
import { namedEngine } from '../../../tests/named-engine.js';
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

// Gradients of these take minutes on the plain engine: `depthwise-conv.test.ts` of vision has them, of one layer, and
// `export-onnx.test.ts` of export compares whole networks on it with onnxruntime.
const engine = await namedEngine();
beforeAll(() => engine.start());

it.each(cases)('$name at width $width is torchvision’s, training $training', (expected) => {
  const definition = definitions.find(({ name }) => name === expected.name)!;
  compareBackbone(engine, builtFor(definition, { width: expected.width }, expected), expected, size);
});
