import { disposeAll, tidy } from '@kd/core';
import { beforeAll, describe, expect } from 'vitest';
import { expectChecksum, expectLosses, expectNear, LIMITS, torchValues } from './detectors/expectations.js';
import type { DetectorIndex, TensorEntry } from './detectors/index-file.js';
import { loadCase, type LoadedCase, onBatch, readConfig, stepOf, trajectoryOf } from './detectors/loaded-case.js';
import { checkSamples, checkStages } from './detectors/two-stage.js';
import { startEngine } from './support/engine.js';
import {
  describeGolden,
  detectorCases,
  expectClose,
  expectEqual,
  goldenTest,
  readWhole,
  relativeL2,
  type DetectorCase,
} from './support/index.js';

/**
 * Share of the sum of magnitudes within which checksums agree: rounding of single values is far below, and signs mix.
 */
const CHECKSUM = 1e-4;

beforeAll(async () => {
  await startEngine();
});

/**
 * What of a case's config its other parts repeat, or a test reads that runs the case: how inputs were drawn, the number
 * of classes, the trajectory; `model_kwargs` are among the values in force, which stand in `rpn`, `roi` and `post`.
 */
const READ_BESIDE_CONFIG = [
  'images',
  'scenarios',
  'sampling',
  'trajectory',
  'num_classes',
  'model_kwargs',
  'labels_from',
];

describeGolden('detectors', (area) => {
  for (const one of detectorCases(area)) {
    describe(one.name, () => {
      const index = one.index as unknown as DetectorIndex;
      const check = (name: string, run: (loaded: LoadedCase) => void | Promise<void>, scenario?: string): void =>
        goldenTest('detector', index.detector, name, () => withCase(one, run, scenario));
      const twoStage = index.config?.roi !== undefined;

      goldenTest('detector', index.detector, 'config', () =>
        readWhole(index.config, (config) => readConfig[index.detector]!(config), READ_BESIDE_CONFIG),
      );
      check('trains the parameters that torch trains', ({ detector }) => {
        const names = (trainable: boolean): number =>
          detector.variables.filter((v) => v.trainable === trainable && !/moving_/.test(v.path)).length;
        expect(names(true)).toBe(index.weights.trainable_parameters.length);
      });
      check('input', checkInput);
      check('features and head outputs', checkForward);
      check('anchors', checkAnchors);
      if (twoStage) check('proposals, pooled regions and box head', checkStages);
      check('detections', checkDetections);
      for (const scenario of Object.keys(index.train ?? {})) {
        if (twoStage)
          check(`${scenario}: samples of both stages`, (loaded) => checkSamples(loaded, scenario), scenario);
        else check(`${scenario}: assignment`, (loaded) => checkAssignment(loaded, scenario));
        check(`${scenario}: losses and gradients`, (loaded) => checkGradients(loaded, scenario), scenario);
      }
      check('trajectory', checkTrajectory, index.trajectory?.scenario);
    });
  }
});

async function withCase(
  one: DetectorCase,
  run: (loaded: LoadedCase) => void | Promise<void>,
  scenario?: string,
): Promise<void> {
  const loaded = await loadCase(one, scenario);
  try {
    await run(loaded);
  } finally {
    loaded.detector.dispose();
  }
}

const entryOf = ({ index }: LoadedCase, key: string): TensorEntry => {
  const entry = index.tensors.entries[key];
  if (entry === undefined) throw new Error(`${index.name}: no entry for tensor "${key}"`);
  return entry;
};

async function checkInput(loaded: LoadedCase): Promise<void> {
  const { index, io } = loaded;
  const batch = loaded.batch();
  expect(batch.imageSizes.map((size) => [...size])).toEqual(index.transform.resized_sizes_hw);
  await onBatch(batch, (images) => {
    const [n, c, h, w] = index.transform.batch_shape as [number, number, number, number];
    expect(images.shape).toEqual([n, h, w, c]);
    const values = torchValues(images);
    expectChecksum(values, index.transform.checksum, 1e-5, 'batch');
    if (io.has('transform/batch')) expectClose(values, io.get('transform/batch').values, LIMITS.batch, 'batch');
    batch.imageSizes.forEach(([height], i) => {
      for (const [label, first] of [
        ['first_rows', 0],
        ['last_rows', height - 4],
      ] as const) {
        const key = `transform/image${i}_${label}`;
        if (!io.has(key)) continue;
        const rows = Array.from({ length: c }, (_, k) =>
          values.subarray(((i * c + k) * h + first) * w, ((i * c + k) * h + first + 4) * w),
        );
        expectClose(Float32Array.from(rows.flatMap((row) => [...row])), io.get(key).values, LIMITS.batch, key);
      }
    });
  });
}

async function checkForward(loaded: LoadedCase): Promise<void> {
  const { index, io, detector } = loaded;
  const stages = index.config.fpn.returned_layers.map((k) => `backbone.body.layer${k}`);
  await onBatch(loaded.batch(), (images) =>
    tidy(() => {
      const output = detector.forward(images, { training: false, taps: stages });
      Object.entries(index.body).forEach(([key, { shape, checksum, tensor }], i) => {
        const values = torchValues(output.taps[stages[i]!]!);
        expectChecksum(values, checksum, CHECKSUM, `body ${key}`);
        const stored = io.get(tensor);
        expectClose(
          values.subarray(0, stored.values.length),
          stored.values,
          LIMITS.features(entryOf(loaded, tensor)),
          tensor,
        );
        expect(output.taps[stages[i]!]!.shape, `body ${key}`).toEqual([shape[0], shape[2], shape[3], shape[1]]);
      });
      expect(output.levels.length).toBe(Object.keys(index.fpn).length);
      Object.values(index.fpn).forEach(({ checksum, tensor }, i) => {
        const values = torchValues(output.levels[i]!);
        expectChecksum(values, checksum, CHECKSUM, tensor);
        expectClose(values, io.get(tensor).values, LIMITS.features(entryOf(loaded, tensor)), tensor);
      });
      for (const [ours, torch] of headOutputs(loaded)) {
        const key = `head/${torch}`;
        expectClose(
          headRows(output.predictions[ours]!),
          io.get(key).values,
          LIMITS.features(entryOf(loaded, key)),
          key,
        );
      }
    }),
  );
}

const HEAD_OUTPUTS: Readonly<Record<string, string>> = {
  cls: 'cls_logits',
  reg: 'bbox_regression',
  centerness: 'bbox_ctrness',
};

/** Our names and torch's of the maps that the case has: each one stored must be known here. */
function headOutputs({ index }: Pick<LoadedCase, 'index'>): [ours: string, torch: string][] {
  const stored = Object.keys(index.tensors.entries)
    .filter((key) => key.startsWith('head/'))
    .map((key) => key.slice('head/'.length));
  const known = Object.entries(HEAD_OUTPUTS).filter(([, torch]) => stored.includes(torch));
  expect(known.map(([, torch]) => torch).sort(), `${index.name}: outputs of the head`).toEqual(stored.sort());
  return known;
}

/** Levels [b, h, w, a·k] as rows [b, all anchors, k]: one image's levels follow each other. */
function headRows(
  levels: readonly { readonly shape: readonly number[]; dataSync(): ArrayLike<number> }[],
): Float32Array {
  const images = levels[0]!.shape[0]!;
  const values = levels.map((level) => level.dataSync() as Float32Array);
  return Float32Array.from(
    Array.from({ length: images }, (_, i) =>
      values.map((all) => [...all.subarray((i * all.length) / images, ((i + 1) * all.length) / images)]),
    ).flat(2),
  );
}

async function checkAnchors({ index, io, detector, batch }: LoadedCase): Promise<void> {
  const host = batch();
  await onBatch(host, (images) =>
    tidy(() => {
      const priors = detector.priors(detector.forward(images, { training: false }), [host.shape[1], host.shape[2]]);
      expect(priors.perLevel).toEqual(index.anchors.per_level);
      expect(priors.strides.map((stride) => [...stride])).toEqual(index.anchors.strides_hw);
      expectEqual(priors.boxes.dataSync(), io.get(index.anchors.tensor).values, 'anchors');
      expectChecksum(priors.boxes.dataSync(), index.anchors.checksum, 1e-9, 'anchors');
    }),
  );
}

async function checkDetections({ index, io, detector, labelShift, batch }: LoadedCase): Promise<void> {
  const host = batch();
  await onBatch(host, async (images) => {
    const output = tidy(() => detector.forward(images, { training: false }));
    const found = await detector.detect(output, host);
    disposeAll(output);
    expect(found.length).toBe(index.eval.length);
    found.forEach((image, i) => {
      expectEqual(
        image.labels.map((label) => label + labelShift),
        io.get(`eval/labels${i}`).values,
        `image ${i}: labels`,
      );
      expectClose(image.scores, io.get(`eval/scores${i}`).values, LIMITS.scores, `image ${i}: scores`);
      expectClose(image.boxes, io.get(`eval/boxes${i}`).values, LIMITS.boxes, `image ${i}: boxes`);
      expect(image.labels.length).toBe(index.eval[i]!.detections);
    });
  });
}

async function checkAssignment({ index, io, detector, batch }: LoadedCase, scenario: string): Promise<void> {
  const host = batch(scenario);
  const wanted = index.train[scenario]!;
  await onBatch(host, (images, targets) =>
    tidy(() => {
      const output = detector.forward(images, { training: true });
      const { matched, positives } = detector.assign(detector.priors(output, targets.paddedSize), targets);
      const rows = matched.dataSync();
      const anchors = matched.shape[1];
      expectEqual(positives.dataSync(), wanted.positives, `${scenario}: positives`);
      wanted.boxes_per_image.forEach((boxes, i) => {
        expectClose(
          host.boxes.subarray(i * host.maxBoxes * 4, (i * host.maxBoxes + boxes) * 4),
          io.get(`train/${scenario}/resized_boxes${i}`).values,
          1e-4,
          `${scenario}: boxes of image ${i}`,
        );
        const image = rows.slice(i * anchors, (i + 1) * anchors);
        expectEqual(image, io.get(`train/${scenario}/matched_idxs${i}`).values, `${scenario}: matches of image ${i}`);
        expect(image.filter((match) => match === -2).length, `${scenario}: ignored in image ${i}`).toBe(
          wanted.ignored[i],
        );
      });
      for (const [ours, torch] of headOutputs({ index })) {
        expectChecksum(
          headRows(output.predictions[ours]!),
          wanted.head_checksums[torch]!,
          CHECKSUM,
          `${scenario}: ${torch}`,
        );
      }
    }),
  );
}

async function checkGradients(loaded: LoadedCase, scenario: string): Promise<void> {
  const { index, io } = loaded;
  const wanted = index.train[scenario]!;
  const { losses, gradients } = await stepOf(loaded, scenario);
  expectLosses(losses, wanted.losses, LIMITS.losses, scenario);
  expect([...gradients.keys()].sort(), `${scenario}: parameters with a gradient`).toEqual(
    Object.keys(wanted.grad_norms).sort(),
  );
  for (const [name, norm] of Object.entries(wanted.grad_norms)) {
    const limit = LIMITS.gradientNorms(index.robustness.gradients[name] ?? 0);
    expectNear(Math.hypot(...gradients.get(name)!), norm, limit * norm, `${scenario}: norm of the gradient of ${name}`);
  }
  for (const name of wanted.grad_tensors) {
    const stored = io.get(`train/${scenario}/grad/${name}`).values;
    const difference = relativeL2(gradients.get(name)!.subarray(0, stored.length), stored);
    expect(difference, `${scenario}: gradient of ${name}`).toBeLessThanOrEqual(
      LIMITS.gradients(index.robustness.gradients[name] ?? 0),
    );
  }
}

async function checkTrajectory(loaded: LoadedCase): Promise<void> {
  const { index, io } = loaded;
  const { steps_log: log, after_last_step: last, ...wanted } = index.trajectory;
  const { losses, variables } = await trajectoryOf(loaded);
  [...log, last].forEach((step, i) => expectLosses(losses[i]!, step.losses, LIMITS.trajectory, `step ${i}`));
  for (const [name, norm] of Object.entries(wanted.final_weight_norms)) {
    expectNear(Math.hypot(...variables.get(name)!), norm, LIMITS.trajectory * norm, `norm of ${name}`);
  }
  for (const name of wanted.final_tensors) {
    const stored = io.get(`trajectory/final/${name}`).values;
    expect(relativeL2(variables.get(name)!.subarray(0, stored.length), stored), name).toBeLessThanOrEqual(
      LIMITS.trajectory,
    );
  }
  for (const name of wanted.final_buffers ?? []) {
    if (name.endsWith('num_batches_tracked')) continue; // A counter that no engine of ours keeps.
    expect(relativeL2(variables.get(name)!, io.get(`trajectory/final/${name}`).values), name).toBeLessThanOrEqual(
      LIMITS.trajectory,
    );
  }
}
