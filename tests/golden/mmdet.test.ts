import { afterAll, beforeAll, describe, expect } from 'vitest';
import { startEngine } from './support/engine.js';
import { describeGolden, detectorCases, goldenTest, watchCase } from './support/index.js';
import {
  checkAssignment,
  checkDetections,
  checkForward,
  checkGradients,
  checkInput,
  checkParameters,
  checkPriors,
  checkTrajectory,
} from './mmdet/checks.js';
import type { MmdetIndex } from './mmdet/index-file.js';
import { checkSamples, checkStages } from './mmdet/two-stage.js';
import { builtOf, loadCase, type LoadedCase } from './mmdet/loaded-case.js';

/**
 * What repeats a number or a tensor that is compared: float64 sums, totals, counts, copies of stored tensors, the
 * padded size by image, accuracies that are no losses; and how stable a case is.
 */
const REPEATED = new RegExp(
  `^(?:${[
    'weights\\.(?:tensors|elements|buffers)',
    'images\\.(?:pad_shape|batch_input_shape)',
    'robustness\\.\\w+_change(?:_px)?',
    'eval\\.(?:scores|labels)',
    'anchors\\.cell_anchors',
    'points\\.regress_ranges',
    'train\\.(?:losses|losses_f64|total_f64|grad_norm_total|assignment\\.ignored)',
    'train\\.(?:sums_f64|not_losses)\\.[\\w.]+',
    'train\\.stages\\.(?:rois|positives|positives_per_image|per_image|ground_truth_rois)',
    'trajectory\\.(?:steps_log_f64_total|(?:steps_log|after_last_step)\\.total)',
  ].join('|')})$`,
);

// Real models of mmdetection 3.3: inputs, features, priors, assignments, losses, gradients, detections, trajectories.

describeGolden('mmdet', (area) => {
  // The engine may have to set its library up first.
  beforeAll(async () => void (await startEngine()));

  for (const one of detectorCases(area)) {
    describe(one.name, () => {
      const index = one.index as unknown as MmdetIndex;
      const { watched, unread } = watchCase(one.index);
      const tests: string[] = [];
      const passed: string[] = [];
      // Each case is built and loaded once for all of its tests.
      let loaded: Promise<LoadedCase> | undefined;
      afterAll(async () => (await loaded?.catch(() => undefined))?.detector.dispose());
      const check = (name: string, run: (loaded: LoadedCase) => void | Promise<void>): void =>
        goldenTest('mmdet', index.detector, name, async () => {
          tests.push(name);
          await run(await (loaded ??= loadCase({ ...one, index: watched })));
          passed.push(name);
        });

      goldenTest('mmdet', index.detector, 'config', () => void builtOf(index));
      check('state dict and trained parameters', checkParameters);
      check('input', checkInput);
      check('features and head outputs', checkForward);
      if (index.eval) check('priors', checkPriors);
      const twoStage = index.detector.endsWith('RCNN');
      if (twoStage) check('proposals and every stage', checkStages);
      if (index.eval) check('detections', checkDetections);
      for (const scenario of Object.keys(index.train ?? {})) {
        check(`${scenario}: assignment`, (of) => checkAssignment(of, scenario));
        if (twoStage) check(`${scenario}: samples of every stage`, (of) => checkSamples(of, scenario));
        check(`${scenario}: losses and gradients`, (of) => checkGradients(of, scenario));
      }
      if (index.trajectory) check('trajectory', checkTrajectory);

      goldenTest('mmdet', index.detector, 'every key is read', ({ skip }) => {
        skip(passed.length < tests.length, 'only where all tests of the case ran and passed');
        // The config is read whole by its own reader.
        const keys = new Set(
          unread(['config']).map((key) => key.replace(/\.\d+\b/g, '').replace(/^train\.\w+/, 'train')),
        );
        expect(
          [...keys].filter((key) => !REPEATED.test(key)),
          'keys of the case that no test reads',
        ).toEqual([]);
      });
    });
  }
});
