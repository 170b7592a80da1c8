import { afterAll, beforeAll, describe } from 'vitest';
import { startEngine } from './support/engine.js';
import { describeGolden, detectorCases, goldenTest } from './support/index.js';
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

// Real models of mmdetection 3.3: inputs, features, priors, assignments, losses, gradients, detections, trajectories.

describeGolden('mmdet', (area) => {
  // The engine may have to set its library up first.
  beforeAll(async () => void (await startEngine()), 600_000);

  for (const one of detectorCases(area)) {
    describe(one.name, () => {
      const index = one.index as unknown as MmdetIndex;
      // Each case is built and loaded once for all of its tests.
      let loaded: Promise<LoadedCase> | undefined;
      afterAll(async () => (await loaded?.catch(() => undefined))?.detector.dispose());
      const check = (name: string, run: (loaded: LoadedCase) => void | Promise<void>): void =>
        goldenTest('mmdet', index.detector, name, async () => run(await (loaded ??= loadCase(one))));

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
    });
  }
});
