import { jsonFormat, toyMetric } from '@kd/testing';
import { expect, test } from 'vitest';
import { writeFileAtomic } from '#host/atomic';
import { readManifests } from '#host/manifests';
import { buildDetector, loadModel, resolveMetric, resolveSource, resolveUse } from './run/build.js';
import { readModel } from './run/checkpoints.js';
import { evaluate } from './run/evaluate.js';
import { createOptimizer } from './run/optimizers.js';

const options = { format: jsonFormat, folder: '.', context: {} };

/** What programs call first, with what plain JavaScript may hand over. */
const CALLS: Readonly<Record<string, (wrong: never) => unknown>> = {
  buildDetector: (wrong) => buildDetector(wrong, wrong),
  loadModel: (wrong) => loadModel(wrong, options),
  readModel: (wrong) => readModel(wrong, wrong),
  resolveUse: (wrong) => resolveUse('detector', wrong, '.'),
  resolveMetric: (wrong) => resolveMetric(wrong, options),
  resolveSource: (wrong) => resolveSource(wrong, options),
  evaluate: (wrong) => evaluate(wrong, wrong, toyMetric(), wrong),
  createOptimizer: (wrong) => createOptimizer(wrong),
  readManifests: (wrong) => readManifests(wrong),
  writeFileAtomic: (wrong) => writeFileAtomic(wrong, ''),
};

test.each(Object.entries(CALLS))('%s is told what it was given wrong', async (_, call) => {
  for (const wrong of [undefined, null, NaN, -1, true, [], {}])
    await expect(async () => call(wrong as never), String(wrong)).rejects.toThrow(
      expect.objectContaining({ name: 'KdError', code: expect.stringMatching(/USAGE|_INVALID|NOT_FOUND/) as string }),
    );
});
