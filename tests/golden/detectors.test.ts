import { disposeAll, tidy } from '@kd/core';
import type * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect } from 'vitest';
import { expectChecksum, expectLossesAndTotal, expectNear, LIMITS, torchValues } from './detectors/expectations.js';
import type { DetectorIndex, TensorEntry } from './detectors/index-file.js';
import { loadCase, type LoadedCase } from './detectors/loaded-case.js';
import { onBatch, stepOf, trajectoryOf } from './detectors/steps.js';
import { checkRepeated, checkStored } from './detectors/repeated.js';
import { checkSamples, checkStages } from './detectors/two-stage.js';
import { startEngine } from './support/engine.js';
import {
  describeGolden,
  detectorCases,
  expectClose,
  expectEqual,
  goldenTest,
  relativeL2,
  scoped,
  watchCase,
  type DetectorCase,
} from './support/index.js';

/**
 * Share of the sum of magnitudes within which checksums agree: rounding of single values is far below, and signs mix.
 */
const CHECKSUM = 1e-4;

beforeAll(async () => {
  await startEngine();
});

describeGolden('detectors', (area) => {
  for (const one of detectorCases(area)) {
    describe(one.name, () => {
      const index = one.index as unknown as DetectorIndex;
      const { watched, unread } = watchCase(one.index);
      const tests: string[] = [];
      const passed: string[] = [];
      const check = (name: string, run: (loaded: LoadedCase) => void | Promise<void>, scenario?: string): void => {
        tests.push(name);
        goldenTest('detector', index.detector, name, async () => {
          await withCase({ ...one, index: watched }, run, scenario);
          passed.push(name);
        });
      };
      const twoStage = index.config?.roi !== undefined;

      check('config', checkRepeated);
      check('weights and stored tensors', checkStored);
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

      goldenTest('detector', index.detector, 'every key and every stored tensor is read', async ({ skip }) => {
        skip(passed.length < tests.length, 'only where all tests of the case ran and passed');
        expect(unread(), 'keys of the case that no test reads').toEqual([]);
        expect((await one.tensors(index.tensors.file)).unread, 'stored tensors that no test reads').toEqual([]);
      });
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
    for (const count of loaded.strays)
      expect((await count.data())[0], 'rows that torch drew and that are no candidates here').toBe(0);
  } finally {
    disposeAll(loaded.strays);
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
  await onBatch(batch, async (images) => {
    const [n, c, h, w] = index.transform.batch_shape as [number, number, number, number];
    expect(images.shape).toEqual([n, h, w, c]);
    const values = await torchValues(images);
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
    scoped(async () => {
      const output = detector.forward(images, { training: false, taps: stages });
      for (const [i, [key, { shape, checksum, tensor }]] of Object.entries(index.body).entries()) {
        const values = await torchValues(output.taps[stages[i]!]!);
        expectChecksum(values, checksum, CHECKSUM, `body ${key}`);
        const stored = io.get(tensor);
        expectClose(
          values.subarray(0, stored.values.length),
          stored.values,
          LIMITS.features(entryOf(loaded, tensor)),
          tensor,
        );
        expect(output.taps[stages[i]!]!.shape, `body ${key}`).toEqual([shape[0], shape[2], shape[3], shape[1]]);
      }
      expect(output.levels.length).toBe(Object.keys(index.fpn).length);
      for (const [i, { shape, checksum, tensor }] of Object.values(index.fpn).entries()) {
        const values = await torchValues(output.levels[i]!);
        expect(output.levels[i]!.shape, tensor).toEqual([shape[0], shape[2], shape[3], shape[1]]);
        expectChecksum(values, checksum, CHECKSUM, tensor);
        expectClose(values, io.get(tensor).values, LIMITS.features(entryOf(loaded, tensor)), tensor);
      }
      for (const [ours, torch] of headOutputs(loaded)) {
        const key = `head/${torch}`;
        expectClose(
          await headRows(output.predictions[ours]!),
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
async function headRows(levels: readonly tf.Tensor4D[]): Promise<Float32Array> {
  const images = levels[0]!.shape[0];
  const values = await Promise.all(levels.map((level) => level.data<'float32'>()));
  return Float32Array.from(
    Array.from({ length: images }, (_, i) =>
      values.map((all) => [...all.subarray((i * all.length) / images, ((i + 1) * all.length) / images)]),
    ).flat(2),
  );
}

async function checkAnchors({ index, io, detector, batch }: LoadedCase): Promise<void> {
  const host = batch();
  await onBatch(host, (images) =>
    scoped(async () => {
      const priors = detector.priors(detector.forward(images, { training: false }), [host.shape[1], host.shape[2]]);
      expect(priors.perLevel).toEqual(index.anchors.per_level);
      expect(priors.strides.map((stride) => [...stride])).toEqual(index.anchors.strides_hw);
      expectEqual(await priors.boxes.data(), io.get(index.anchors.tensor).values, 'anchors');
      const boxes = await priors.boxes.array();
      expectChecksum(boxes.flat(), index.anchors.checksum, 1e-9, 'anchors');
      const { cell_anchors: cells, first, last } = index.anchors;
      expect(boxes.slice(0, first.length), 'first anchors').toEqual(first);
      expect(boxes.slice(-last.length), 'last anchors').toEqual(last);
      let start = 0;
      cells.forEach((cell, level) => {
        expect(boxes.slice(start, start + cell.length), `anchors of the first cell of level ${level}`).toEqual(cell);
        start += priors.perLevel[level]!;
      });
      expect(start, 'anchors of all levels').toBe(boxes.length);
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
      const { detections, labels, scores } = index.eval[i]!;
      expect(image.labels.length).toBe(detections);
      expect([...io.get(`eval/labels${i}`).values], `image ${i}: labels of the index`).toEqual(labels);
      expectClose(image.scores, scores, LIMITS.scores, `image ${i}: scores of the index`);
    });
  });
}

async function checkAssignment({ index, io, detector, batch }: LoadedCase, scenario: string): Promise<void> {
  const host = batch(scenario);
  const wanted = index.train[scenario]!;
  await onBatch(host, (images, targets) =>
    scoped(async () => {
      const output = detector.forward(images, { training: true });
      const { matched, positives } = detector.assign(detector.priors(output, targets.paddedSize), targets);
      const rows = await matched.data();
      const anchors = matched.shape[1];
      expectEqual(await positives.data(), wanted.positives, `${scenario}: positives`);
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
          await headRows(output.predictions[ours]!),
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
  expectLossesAndTotal(losses, wanted, LIMITS.losses, scenario);
  expectLossesAndTotal(
    losses,
    { losses: wanted.losses_f64, total: wanted.total_f64 },
    LIMITS.losses,
    `${scenario}, float64`,
  );
  expect([...gradients.keys()].sort(), `${scenario}: parameters with a gradient`).toEqual(
    Object.keys(wanted.grad_norms).sort(),
  );
  // torch leaves no gradient where ours is 0.
  for (const name of wanted.no_grad) expect(gradients.get(name) ?? [], `${scenario}: ${name}`).toEqual([]);
  const norms = Object.keys(wanted.grad_norms).map((name) => Math.hypot(...gradients.get(name)!));
  const { grad_norm_total: total } = wanted;
  const widest = Math.max(...Object.values(index.robustness.gradients));
  expectNear(Math.hypot(...norms), total, LIMITS.gradientNorms(widest) * total, `${scenario}: norm of all gradients`);
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
  const wanted = index.trajectory;
  const { steps_log: log, after_last_step: last } = wanted;
  const { losses, variables } = await trajectoryOf(loaded);
  [...log, last].forEach((step, i) => {
    expectLossesAndTotal(losses[i]!, step, LIMITS.trajectory, `step ${i}`);
    const total = wanted.steps_log_f64_total[i]!;
    expectLossesAndTotal(losses[i]!, { losses: step.losses, total }, LIMITS.trajectory, `step ${i}, float64`);
  });
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
    // A counter that no engine of ours keeps: torch's own counts the steps.
    if (name.endsWith('num_batches_tracked')) {
      const counted = Number(io.get(`trajectory/final/${name}`).values[0]) - Number(loaded.weights.get(name)!.data[0]);
      expect(counted, name).toBe(wanted.steps);
      continue;
    }
    expect(relativeL2(variables.get(name)!, io.get(`trajectory/final/${name}`).values), name).toBeLessThanOrEqual(
      LIMITS.trajectory,
    );
  }
}
