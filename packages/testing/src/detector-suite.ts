import {
  buildDetector,
  compilerOf,
  createInference,
  createRng,
  type Detector,
  type DetectorDefinition,
  detectorTensors,
  deviceBatch,
  type DetectorOutput,
  disposeAll,
  type Engine,
  type ForwardOptions,
  type HostBatch,
  loadDetector,
  parseOptions,
  type Targets,
  tidy,
  type Usable,
} from '@kd/core';
import { cpu } from '@kd/engine-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { disposeOutput, tensorsAfter, tensorsAfterAsync, tensorsIn } from './live-tensors.js';
import { toyBatch, toyCategories, withoutObjects } from './toy-batch.js';
import { type DetectorStep, detectorStep, valuesOf } from './detector-step.js';
import { testSecondStage } from './second-stage-suite.js';
import { expectPieces } from './staged-head-pieces.js';

export interface DetectorSuiteOptions<Input> {
  /** Options of a network so small that the plain JavaScript backend runs it in a moment. */
  readonly options?: Input;
  readonly engine?: Engine;
  /** Milliseconds a test may take. */
  readonly timeout?: number;
}

/** The contract of detectors as a vitest suite: call it in a test file of the package that defines the detector. */
export function testDetector<Options, Input>(
  usable: Usable<DetectorDefinition<Options>, Input>,
  { options, engine = cpu(), timeout = 60_000 }: DetectorSuiteOptions<Input> = {},
): void {
  const definition = usable.definition as unknown as DetectorDefinition;
  const build = (seed = 1): Detector =>
    buildDetector({ definition, options: options ?? {} }, { categories: toyCategories, seed }).detector;

  describe(`the detector ${definition.name}`, { timeout }, () => {
    let detector: Detector;
    let batch: HostBatch;
    let images: tf.Tensor4D;
    let targets: Targets;
    beforeAll(async () => {
      await engine.start();
      detector = build();
      batch = await toyBatch(detector);
      ({ images, targets } = deviceBatch(batch));
    }, timeout);
    afterAll(() => {
      disposeAll([images, targets]);
      detector.dispose();
    });
    const forward = (more: Partial<ForwardOptions> = {}): DetectorOutput =>
      detector.forward(images, { training: false, ...more });
    /** The step on the pictures as they are: computed once, read by several tests. */
    let plain: DetectorStep | null = null;
    const plainStep = (): DetectorStep => (plain ??= detectorStep(detector, batch));

    it('refuses an option that it does not know', () => {
      expect(() => parseOptions(definition.options, { ...options, 'no such option': 1 }, definition.name)).toThrow(
        expect.objectContaining({
          code: 'CONFIG_INVALID',
          message: expect.stringContaining('no such option'),
        }) as Error,
      );
    });

    it('has variables with paths of their own, the same in two instances of one process', () => {
      const other = build();
      const paths = detector.variables.map(({ path }) => path);
      expect(new Set(paths).size).toBe(paths.length);
      for (const path of paths) expect(path).toMatch(/^[^/]+\/[^/]+$/);
      expect(other.variables.map(({ path, trainable }) => [path, trainable])).toEqual(
        detector.variables.map(({ path, trainable }) => [path, trainable]),
      );
      expect(
        other.variables.map(({ variable }) => valuesOf(variable)),
        'the same seed gives the same weights',
      ).toEqual(detector.variables.map(({ variable }) => valuesOf(variable)));
      other.dispose();
    });

    it('frees everything that it made', () => {
      const left = tensorsAfter(() => {
        const other = build();
        const output = other.forward(images, { training: false });
        tidy(() => void other.priors(output, targets.paddedSize));
        disposeOutput(output);
        other.dispose();
      });
      expect(left).toBe(0);
    });

    it('gives every tap with the stride and the channels that it declares', () => {
      const names = detector.taps.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(names.length).toBeGreaterThan(0);
      const output = forward({ taps: names });
      for (const { name, stride, channels } of detector.taps) {
        const [b, height, width] = batch.shape;
        expect([name, ...(output.taps[name]?.shape ?? [])]).toEqual([
          name,
          b,
          Math.ceil(height / stride),
          Math.ceil(width / stride),
          channels,
        ]);
      }
      disposeOutput(output);
    });

    it('refuses a tap that it does not have, and leaves no tensor', () => {
      expect(tensorsAfter(() => expect(() => forward({ taps: ['no such tap'] })).toThrow(/no such tap/))).toBe(0);
    });

    it.each([true, false])('makes no tensors for taps that nobody asks for (training %s)', (training) => {
      let output!: DetectorOutput;
      const made = tensorsAfter(() => void (output = forward({ training })));
      expect(Object.keys(output.taps)).toEqual([]);
      expect(made).toBe(tensorsIn([output.levels, output.predictions, output.updates.map(({ value }) => value)]).size);
      disposeOutput(output);
    });

    it('assigns no variable in a forward pass, and updates nothing outside of training', () => {
      const before = detector.variables.map(({ variable }) => valuesOf(variable));
      for (const training of [true, false]) {
        const output = forward({ training });
        if (!training) expect(output.updates).toEqual([]);
        disposeOutput(output);
      }
      expect(detector.variables.map(({ variable }) => valuesOf(variable))).toEqual(before);
    });

    it('gives the same predictions twice, one map a level', () => {
      const [a, b] = [forward(), forward()];
      for (const [name, maps] of Object.entries(a.predictions)) {
        expect(maps).toHaveLength(a.levels.length);
        maps.forEach((map, level) => {
          expect(map.shape.slice(0, 3)).toEqual(a.levels[level]!.shape.slice(0, 3));
          expect(valuesOf(map)).toEqual(valuesOf(b.predictions[name]![level]!));
        });
      }
      [a, b].forEach(disposeOutput);
    });

    it('gives the same predictions when they are read late, with and without taps', () => {
      const expected = forward();
      for (const taps of [[], detector.taps.map(({ name }) => name)]) {
        const output = forward({ taps, lazy: true });
        expect([...tensorsIn(output.predictions)].map(valuesOf)).toEqual(
          [...tensorsIn(expected.predictions)].map(valuesOf),
        );
        for (const [name, maps] of Object.entries(output.predictions))
          expect(output.predictions[name], 'read again, computed once').toBe(maps);
        disposeOutput(output);
      }
      disposeOutput(expected);
    });

    it('gives each map when it is read alone and late, and computes it once', () => {
      const expected = forward();
      for (const [name, maps] of Object.entries(expected.predictions)) {
        const output = forward({ lazy: true });
        const alone = output.predictions[name]!;
        expect(alone.map(valuesOf)).toEqual(maps.map(valuesOf));
        expect(Object.keys(output.predictions)).toEqual(Object.keys(expected.predictions));
        // What is there now may be kept; a map that would be another tomorrow could not.
        expect(Object.getOwnPropertyDescriptor(output.predictions, name)?.value).toBe(alone);
        disposeOutput(output);
      }
      disposeOutput(expected);
    });

    it('has one prior after the other, level by level, and decodes a code for each', () => {
      const output = forward();
      const result = tidy(() => {
        const priors = detector.priors(output, targets.paddedSize);
        expect(priors.boxes.shape).toEqual([priors.perLevel.reduce((sum, count) => sum + count, 0), 4]);
        expect(priors.perLevel).toHaveLength(output.levels.length);
        expect(priors.strides).toHaveLength(output.levels.length);
        return detector.decode(
          tf.zeros([batch.shape[0], priors.boxes.shape[0], 4 * (detector.dense?.bins ?? 1)]),
          priors,
        );
      });
      expect(result.shape).toEqual([batch.shape[0], expect.any(Number), 4]);
      expect(valuesOf(result).every(Number.isFinite)).toBe(true);
      result.dispose();
      disposeOutput(output);
    });

    it('assigns priors to objects that are there', () => {
      const output = forward();
      const { matched, positives } = tidy(() => detector.assign(detector.priors(output, targets.paddedSize), targets));
      const rows = matched.arraySync();
      expect(positives.arraySync()).toEqual(rows.map((row) => row.filter((index) => index >= 0).length));
      rows.forEach((row, image) => {
        for (const index of new Set(row)) {
          expect(index).toBeGreaterThanOrEqual(-2);
          if (index >= 0)
            expect(batch.mask[image * batch.maxBoxes + index], 'a prior answers for a real object').toBe(1);
        }
      });
      expect(Math.max(...positives.arraySync()), 'some object has a prior').toBeGreaterThan(0);
      tf.dispose([matched, positives]);
      disposeOutput(output);
    });

    it.each([
      ['as they are', plainStep],
      ['with padding alone', () => detectorStep(detector, withoutObjects(batch, 2))],
      ['with no row at all', () => detectorStep(detector, withoutObjects(batch, 0))],
    ])('has finite scalar terms and gradients, objects %s', (_, step) => {
      const { terms, gradients } = step();
      for (const [name, { shape, value }] of Object.entries(terms)) {
        expect(shape, name).toEqual([]);
        expect(Number.isFinite(value), name).toBe(true);
      }
      for (const [path, values] of gradients) expect(values.every(Number.isFinite), path).toBe(true);
    });

    it('hands a gradient to every trainable variable, and to no other', () => {
      const { gradients } = plainStep();
      expect([...gradients.keys()].sort()).toEqual(
        detector.variables
          .filter(({ trainable }) => trainable)
          .map(({ path }) => path)
          .sort(),
      );
      const moved = [...gradients.values()].filter((values) => values.some((value) => value !== 0));
      expect(moved.length, 'variables whose gradient is not all zero').toBeGreaterThan(gradients.size / 2);
    });

    it('reads no tensor on the host in a step', () => {
      expect(plainStep().reads).toEqual([]);
    });

    it('keeps the number of live tensors over steps', () => {
      plainStep();
      expect(tensorsAfter(() => [1, 2].forEach(() => detectorStep(detector, batch)))).toBe(0);
    });

    it('finds boxes inside of the image, best first, and nothing where nothing is', async () => {
      const output = forward();
      // As sure, and as sure of the opposite, as no fresh network is. A second stage has the last word, so there the
      // opposite cannot be had from outside.
      for (const [shift, some] of detector.secondStage
        ? ([[6, true]] as const)
        : ([
            [6, true],
            [-60, false],
          ] as const)) {
        const cls = output.predictions['cls']!.map((map) => tf.add(map, shift) as tf.Tensor4D);
        const leaked = await tensorsAfterAsync(async () => {
          const found = await detector.detect({ ...output, predictions: { ...output.predictions, cls } }, batch);
          expect(found.map(({ id }) => id)).toEqual(batch.ids);
          found.forEach(({ boxes, scores, labels }, image) => {
            const [height, width] = batch.originalSizes[image]!;
            expect([boxes.length, labels.length]).toEqual([scores.length * 4, scores.length]);
            expect(scores.length > 0).toBe(some);
            expect([...scores]).toEqual([...scores].sort((a, b) => b - a));
            for (const label of labels) expect(toyCategories[label]).toBeDefined();
            for (let i = 0; i < boxes.length; i += 4) {
              const [x1, y1, x2, y2] = [boxes[i]!, boxes[i + 1]!, boxes[i + 2]!, boxes[i + 3]!];
              // A thousandth of a pixel for the scaling back in float32.
              expect(
                x1 >= 0 && y1 >= 0 && x2 >= x1 && y2 >= y1 && x2 <= width + 1e-3 && y2 <= height + 1e-3,
                `[${x1}, ${y1}, ${x2}, ${y2}] in ${width} x ${height}`,
              ).toBe(true);
            }
          });
        });
        expect(leaked, 'tensors that detect left').toBe(0);
        tf.dispose(cls);
      }
      disposeOutput(output);
    });

    it('finds as a graph what it finds op by op, where it has its detections in parts', async (test) => {
      const compile = compilerOf(engine);
      // An engine without graphs, or a detector whose detections are in one piece.
      if (compile === null || detector.detection === undefined) return test.skip();
      const said: string[] = [];
      const logger = { info: () => {}, warn: (text: string) => void said.push(text) };
      const graph = createInference(detector, { compile, logger });
      const plain = await createInference(detector).detect(batch);
      // The first ones run op by op.
      let found = plain;
      for (let i = 0; i < 3; i++) found = await graph.detect(batch);
      graph.close();
      expect(said).toEqual([]);
      expect(found.map(({ labels }) => [...labels])).toEqual(plain.map(({ labels }) => [...labels]));
      found.forEach(({ boxes, scores }, image) => {
        expectClose(boxes, plain[image]!.boxes, 1e-3);
        expectClose(scores, plain[image]!.scores, 1e-5);
      });
    });

    it('runs its head in pieces as in one', () => {
      const { head, firstStage, secondStage } = detector;
      expect(detector.capabilities.has('head.staged')).toBe((head ?? secondStage?.head) !== undefined);
      const output = forward();
      for (const one of [head, firstStage?.head])
        for (const branch of one?.branches ?? [])
          output.levels.forEach((x, level) => {
            const maps = Object.entries(output.predictions).map(([name, levels]) => [name, levels[level]!] as const);
            expectPieces(one!, branch, x, level, Object.fromEntries(maps));
          });
      disposeOutput(output);
    });

    testSecondStage(() => ({ detector, batch, targets, forward }));

    it('gives the predictions of a checkpoint once that is loaded', async () => {
      const tensors = new Map(
        [...(await detectorTensors(detector))].map(([name, value]) => [name.slice('student/'.length), value]),
      );
      const other = build(2);
      loadDetector(other, tensors, 'a checkpoint');
      const [a, b] = [forward(), other.forward(images, { training: false })];
      expect([...tensorsIn(b.predictions)].map(valuesOf)).toEqual([...tensorsIn(a.predictions)].map(valuesOf));
      [a, b].forEach(disposeOutput);
      other.dispose();
    });

    it('initialises from the seed: another seed, other weights', () => {
      const other = build(createRng(0).int(100, 200));
      const kernels = (of: Detector) =>
        of.variables.filter(({ path }) => path.endsWith('/kernel')).map(({ variable }) => valuesOf(variable));
      expect(kernels(other)).not.toEqual(kernels(detector));
      other.dispose();
    });
  });
}

const expectClose = (found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void => {
  expect(found).toHaveLength(expected.length);
  expect(Array.from(found, (value, i) => Math.abs(value - expected[i]!)).filter((one) => !(one <= tolerance))).toEqual(
    [],
  );
};
