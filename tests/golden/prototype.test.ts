import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect } from 'vitest';
import { compare, type Computed, type Opened, opened, type PrototypeCase } from './prototype/case.js';
import { coefficients, feature, regions, response, roialign } from './prototype/functions.js';
import { oneStage, twoStage } from './prototype/steps.js';
import { startEngine } from './support/engine.js';
import { casesOf, describeGolden, goldenTest, readWhole, scoped, statusOf } from './support/index.js';

/** What the expected tensors of a kind are computed with. */
const KINDS: Readonly<Record<string, (of: Opened) => Computed>> = {
  coefficients,
  regions,
  feature,
  response,
  roialign,
  'one-stage': oneStage,
  'two-stage': twoStage,
};

describeGolden('prototype', (area) => {
  // The engine may have to set its library up first.
  beforeAll(async () => void (await startEngine()));
  for (const one of casesOf<PrototypeCase>(area)) {
    const compute = KINDS[one.kind];
    // Other kinds have tests of their own; what nobody knows fails here, by its name.
    if (compute === undefined && statusOf('prototype', one.kind) !== 'unknown') continue;
    goldenTest('prototype', one.kind, one.id, () =>
      readWhole(
        one,
        async (one) => {
          const tensors = await area.tensors(one.file);
          const before = tf.memory().numTensors;
          await scoped(() => {
            const of = opened(one, tensors);
            return compare(of, compute!(of));
          });
          expect(tf.memory().numTensors).toBe(before);
        },
        ['tolerance'],
      ),
    );
  }
});
