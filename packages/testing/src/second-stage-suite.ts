import {
  createStepRng,
  type Detector,
  type DetectorOutput,
  disposeAll,
  type HostBatch,
  type Regions,
  type Targets,
  tidy,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { disposeOutput, tensorsAfter } from './live-tensors.js';
import { valuesOf } from './detector-step.js';
import { expectPieces } from './staged-head-pieces.js';

/** What a suite made before its tests run. */
export interface SecondStageSubject {
  readonly detector: Detector;
  readonly batch: HostBatch;
  readonly targets: Targets;
  forward(options: { readonly training: boolean }): DetectorOutput;
}

/** The part of the contract of detectors that is about second stages; a detector without one only has to say so. */
export function testSecondStage(subject: () => SecondStageSubject): void {
  const draw = ({ detector, targets }: SecondStageSubject, output: DetectorOutput, seed: number): Regions => {
    const priors = detector.priors(output, targets.paddedSize);
    return detector.secondStage!.sample(output, priors, detector.assign(priors, targets), targets, createStepRng(seed));
  };
  const sample = (...of: Parameters<typeof draw>): Regions => tidy(() => draw(...of));

  it('has a second stage if it says so', () => {
    const { detector } = subject();
    expect(detector.capabilities.has('roi.align')).toBe(detector.secondStage !== undefined);
    if (detector.secondStage)
      expect(detector.dense, 'a two-stage detector has no dense class predictions to compare').toBeUndefined();
  });

  it('says how the maps of its first stage are read', () => {
    const { detector, targets, forward } = subject();
    const { firstStage } = detector;
    if (!firstStage) return;
    expect(detector.secondStage, 'a first stage has a second one behind it').toBeDefined();
    const { priorsPerCell, bins = 1 } = firstStage.dense;
    const output = forward({ training: false });
    const { perLevel } = tidy(() => detector.priors(output, targets.paddedSize));
    output.predictions['cls']!.forEach(({ shape: [, h, w, channels] }, level) => {
      expect(channels, 'one score a prior').toBe(priorsPerCell);
      expect(perLevel[level]).toBe(h * w * priorsPerCell);
      expect(output.predictions['reg']![level]!.shape[3]).toBe(priorsPerCell * 4 * bins);
    });
    disposeOutput(output);
  });

  it('draws samples of both stages, the same for the same numbers', () => {
    const given = subject();
    const { detector, batch, targets } = given;
    if (!detector.secondStage) return;
    const output = given.forward({ training: true });
    const left = tensorsAfter(() => {
      const [a, b] = [sample(given, output, 1), sample(given, output, 1)];
      const assignment = tidy(() => detector.assign(detector.priors(output, targets.paddedSize), targets));
      const [images, n] = a.matched.shape;
      expect([images, a.boxes.shape, a.sampledPriors.shape]).toEqual([
        batch.shape[0],
        [images, n, 4],
        assignment.matched.shape,
      ]);
      for (const name of ['boxes', 'matched', 'sampledPriors'] as const)
        expect(valuesOf(a[name]), name).toEqual(valuesOf(b[name]));
      expect(valuesOf(a.boxes).every(Number.isFinite)).toBe(true);
      a.matched.arraySync().forEach((row, image) => {
        expect(row.filter((index) => index >= 0).length, 'positives').toBeLessThanOrEqual(a.maxPositives);
        for (const index of row) {
          expect(index).toBeGreaterThanOrEqual(-2);
          if (index >= 0)
            expect(batch.mask[image * batch.maxBoxes + index], 'a region answers for a real object').toBe(1);
        }
      });
      expect(
        Math.max(...valuesOf(a.matched)),
        'some region is an object: the ground truth is among the candidates',
      ).toBeGreaterThanOrEqual(0);
      const ignored = valuesOf(assignment.matched).map((index) => index === -2);
      valuesOf(a.sampledPriors).forEach((drawn, i) =>
        expect(drawn === 0 || (drawn === 1 && !ignored[i]), 'a sampled prior is 1, and not one that is ignored').toBe(
          true,
        ),
      );
      disposeAll([a, b, assignment]);
    });
    expect(left, 'tensors that samples left').toBe(0);
    disposeOutput(output);
  });

  it('pools and classifies any boxes, with a gradient into the features and none into the boxes', () => {
    const given = subject();
    const { detector, batch, targets } = given;
    const stage = detector.secondStage;
    if (!stage) return;
    const output = given.forward({ training: false });
    const [b] = batch.shape;
    const [height, width] = targets.paddedSize;
    const boxes = tf.tensor3d(
      Array.from({ length: b }, () => [
        [0, 0, width / 2, height / 2],
        [width / 4, height / 4, width / 2, height / 3],
        [3, 3, 3, 3],
      ]),
    ); // [b, 3, 4]
    const left = tensorsAfter(() => {
      const { features, levels, logits, deltas } = tidy(() => stage.run(output, boxes, batch.imageSizes));
      const classes = detector.categories.length + 1;
      expect([features.shape.slice(0, 2), levels.shape, logits.shape]).toEqual([
        [b, 3],
        [b, 3],
        [b, 3, classes],
      ]);
      expect([1, classes].map((count) => 4 * count)).toContain(deltas.shape[2]);
      expect(stage.background >= 0 && stage.background < classes).toBe(true);
      for (const level of valuesOf(levels)) expect(output.levels[level], `level ${level}`).toBeDefined();
      for (const one of [features, logits, deltas]) expect(valuesOf(one).every(Number.isFinite)).toBe(true);
      const gradient = tidy(() =>
        tf.grads((first: tf.Tensor, at: tf.Tensor) => {
          const changed = { ...output, levels: [first as tf.Tensor4D, ...output.levels.slice(1)] };
          return tf.add(
            tf.sum(tf.square(stage.run(changed, at as tf.Tensor3D, batch.imageSizes).features)),
            tf.mul(tf.sum(at), 0),
          );
        })([output.levels[0]!, boxes]),
      );
      expect(valuesOf(gradient[0]!).every(Number.isFinite)).toBe(true);
      expect(valuesOf(gradient[1]!).every((value) => value === 0)).toBe(true);
      disposeAll([features, levels, logits, deltas, gradient]);
    });
    expect(left, 'tensors that regions left').toBe(0);
    boxes.dispose();
    disposeOutput(output);
  });

  it('says in pieces what it says of regions, every stage of its own samples', () => {
    const given = subject();
    const { detector, batch, targets } = given;
    const stage = detector.secondStage;
    if (!stage?.head) return;
    const { head } = stage;
    const output = given.forward({ training: false });
    const left = tensorsAfter(() => {
      // As in a step, in one scope: a cascade keeps what it drew for its later stages.
      const { stages } = tidy(() => {
        const regions = draw(given, output, 1);
        const first = { regions, output: stage.run(output, regions.boxes, batch.imageSizes) };
        return { stages: [first, ...(stage.later?.(output, targets, first) ?? [])] };
      });
      expect(stages).toHaveLength(head.stages.length);
      stages.forEach((samples, level) => {
        const { features, logits, deltas } = samples.output;
        const [b, n, height, width, channels] = features.shape;
        expect(samples.regions.matched.shape, `regions of stage ${level}`).toEqual([b, n]);
        expect([height, width, channels]).toEqual([...head.pooled]);
        const x = tf.reshape(features, [b * n, height, width, channels]) as tf.Tensor4D;
        const rows = (of: tf.Tensor3D): tf.Tensor => tf.reshape(of, [b * n, 1, 1, of.shape[2]]);
        const expected = { logits: rows(logits), deltas: rows(deltas) };
        expect(head.branches).toEqual(['box']);
        expectPieces(head, 'box', x, level, expected);
        disposeAll([x, expected]);
      });
      disposeAll(stages);
    });
    expect(left, 'tensors that pieces left').toBe(0);
    disposeOutput(output);
  });
}
