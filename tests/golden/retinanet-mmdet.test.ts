import { parseOptions, type DetectorOutput, type Targets } from '@kd/core';
import { type RetinaNetDetector, type RetinaNetInput, retinanet } from '@kd/detector-retinanet';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect } from 'vitest';
import { type Area, casesOf, describeGolden, expectClose, expectEqual, type GoldenTensors, goldenTest } from './support/index.js';
import { startEngine } from './support/engine.js';

// What CrossKD's cases hold of the detector that it was run on: RetinaNet as mmdetection builds it.

interface Tolerance {
  readonly shape: readonly number[];
  readonly atol: number;
}

interface HeadCase {
  readonly id: string;
  readonly kind: 'cross_head';
  readonly file: string;
  readonly params: {
    readonly detector: string;
    readonly ratios: number[];
    readonly octave_base: number;
    readonly octaves: number;
    readonly strides: number[];
    readonly channels: number;
    readonly classes: number;
    readonly idx: number;
    readonly image_hw: [number, number];
    /** [height, width] of each image, padded by itself */
    readonly pad_hw: [number, number][];
    readonly anchors_per_loc: number;
    readonly stacked_stu: number;
    readonly stacked_tea: number;
  };
  readonly gt: readonly { readonly boxes: number[][]; readonly labels: number[] }[];
  readonly level_hw: readonly [number, number][];
  readonly avg_factor: number;
  readonly num_positive: number;
  readonly ignored_priors: number;
  readonly expected: Readonly<Record<string, Tolerance>>;
}

interface UnitCase {
  readonly id: string;
  readonly kind: 'unit';
  readonly file: string;
  readonly params: { readonly stds?: number[] };
  readonly inputs: Readonly<Record<string, string>>;
  readonly expected: Readonly<Record<string, { readonly tensor: string; readonly atol: number }>>;
}

type Role = 'stu' | 'tea';

describeGolden('crosskd', (area) => {
  beforeAll(async () => {
    await startEngine();
    // The engine may have to set its library up first.
  }, 600_000);

  const cases = casesOf<HeadCase | UnitCase>(area);
  const heads = cases.filter((one): one is HeadCase => one.kind === 'cross_head' && one.params.detector === 'retina');

  describe('RetinaNet, flavour mmdet: assignment', () => {
    for (const one of heads) {
      goldenTest('detector', 'retinanet', one.id, () => withDetector(area, one, 'stu', (detector, tensors) => {
        const priors = detector.priors(levelsOf(one), one.params.image_hw);
        const a = one.params.anchors_per_loc;
        expect(detector.dense!.priorsPerCell).toBe(a);
        expect(priors.perLevel).toEqual(one.level_hw.map(([h, w]) => h * w * a));
        const { matched, positives } = detector.assign(priors, targetsOf(one));
        const rows = matched.arraySync();
        let ignored = 0;
        one.level_hw.forEach((_, level) => {
          const from = priors.perLevel.slice(0, level).reduce((sum, count) => sum + count, 0);
          const count = priors.perLevel[level]!;
          expectEqual(tf.slice(priors.boxes, [from, 0], [count, 4]).dataSync(), tensors.get(`priors.${level}`).values, `priors.${level}`);
          const own = rows.map((row) => row.slice(from, from + count));
          const labels = own.map((row, image) => row.map((g) => (g >= 0 ? one.gt[image]!.labels[g]! : one.params.classes)));
          expectEqual(labels.flat(), tensors.get(`labels.${level}`).values, `labels.${level}`);
          const weights = own.flat().map((g) => (g === -2 ? 0 : 1));
          expectEqual(weights, tensors.get(`label_weights.${level}`).values, `label_weights.${level}`);
          ignored += weights.filter((weight) => weight === 0).length;
        });
        expect(ignored).toBe(one.ignored_priors);
        const counts = positives.arraySync();
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(one.num_positive);
        expect(counts.reduce((sum, count) => sum + Math.max(count, 1), 0)).toBe(one.avg_factor);
      }));
    }
  });

  describe('RetinaNet, flavour mmdet: head maps', () => {
    for (const one of heads) {
      for (const role of ['stu', 'tea'] as const) {
        goldenTest('detector', 'retinanet', `${one.id}, ${role}`, () => withDetector(area, one, role, (detector, tensors) => {
          load(detector, tensors, role);
          let compared = 0;
          for (const branch of ['cls', 'reg'] as const) {
            one.level_hw.forEach((_, level) => {
              const feature = tensors.get(`${role}_fpn.${level}`);
              const x = tf.tensor4d(Float32Array.from(feature.values), feature.shape as [number, number, number, number]);
              const maps = {
                [`${role}_tap_${branch}.${level}`]: detector.head!.run(branch, x, { level, to: one.params.idx })['feature']!,
                [`${role}_${branch}.${level}`]: detector.head!.run(branch, x, { level })[branch]!,
              };
              for (const [key, map] of Object.entries(maps)) {
                const wanted = one.expected[key];
                if (wanted === undefined) continue;
                expect(map.shape, key).toEqual(wanted.shape);
                expectClose(map.dataSync(), tensors.get(key).values, wanted.atol, key);
                compared++;
              }
            });
          }
          expect(compared).toBeGreaterThanOrEqual(2 * one.level_hw.length);
        }));
      }
    }
  });

  describe('RetinaNet, flavour mmdet: decoding', () => {
    for (const one of cases.filter((unit): unit is UnitCase => unit.kind === 'unit' && unit.params.stds?.every((std) => std === 1) === true)) {
      goldenTest('detector', 'retinanet', one.id, () => withDetector(area, heads[0]!, 'stu', async (detector) => {
        const tensors = await area.tensors(one.file);
        const rows = (key: string): tf.Tensor2D => tf.tensor2d(Float32Array.from(tensors.get(one.inputs[key]).values), tensors.get(one.inputs[key]).shape as [number, number]);
        const [boxes, upstream] = [rows('anchors'), tf.expandDims<tf.Tensor3D>(rows('upstream'), 0)];
        const decode = (codes: tf.Tensor): tf.Tensor => detector.decode(codes as tf.Tensor3D, { boxes, perLevel: [boxes.shape[0]], strides: [[1, 1]] });
        const delta = tf.expandDims<tf.Tensor3D>(rows('delta'), 0);
        const got = { output: decode(delta), grad_delta: tf.grad(decode)(delta, upstream) };
        expect(Object.keys(got).sort()).toEqual(Object.keys(one.expected).sort());
        for (const [key, { tensor, atol }] of Object.entries(one.expected)) expectClose(got[key as keyof typeof got].dataSync(), tensors.get(tensor).values, atol, key);
      }));
    }
  });
});

/** A detector with the case's head and levels; what is below them does not matter here. */
async function withDetector(area: Area, one: HeadCase, role: Role, run: (detector: RetinaNetDetector, tensors: GoldenTensors) => void | Promise<void>): Promise<void> {
  const { strides, octave_base: base, octaves, ratios, channels, classes } = one.params;
  const options: RetinaNetInput = {
    flavour: 'mmdet',
    backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 },
    returnedLayers: strides.map((stride) => Math.log2(stride) - 1),
    extra: 'none',
    fpnChannels: channels,
    head: { depth: role === 'stu' ? one.params.stacked_stu : one.params.stacked_tea },
    anchors: { sizes: strides.map((stride) => Array.from({ length: octaves }, (_, i) => stride * base * 2 ** (i / octaves))), ratios },
  };
  const categories = Array.from({ length: classes }, (_, id) => ({ id, name: `class ${id}` }));
  const detector = retinanet.definition.create(parseOptions(retinanet.definition.options, options, 'retinanet'), { categories, seed: 1 }) as RetinaNetDetector;
  tf.engine().startScope();
  try {
    await run(detector, await area.tensors(one.file));
  } finally {
    tf.engine().endScope();
    detector.dispose();
  }
}

/** mmdetection's name of a layer of the head. */
function storedName(layer: string): string {
  const branch = layer.startsWith('head.classification_head') ? 'cls' : 'reg';
  const block = /\.conv\.(\d+)\.0$/.exec(layer);
  return block ? `${branch}_convs.${block[1]!}` : `${branch}_pred`;
}

function load(detector: RetinaNetDetector, tensors: GoldenTensors, role: Role): void {
  const own = detector.variables.filter(({ path }) => path.startsWith('head.'));
  for (const { path, variable } of own) {
    const [layer, weight] = path.split('/') as [string, string];
    const { values, shape } = tensors.get(`${role}.${storedName(layer)}.${weight}`);
    variable.assign(tf.tensor(Float32Array.from(values), [...shape]));
  }
  const stored = [...tensors.all.keys()].filter((key) => key.startsWith(`${role}.`));
  expect(own.length, 'every stored weight is in the head').toBe(stored.length);
}

/** Levels of the case's sizes: all that priors read of an output. */
const levelsOf = (one: HeadCase): DetectorOutput =>
  ({ levels: one.level_hw.map(([h, w]) => tf.zeros([one.params.pad_hw.length, h, w, 1])), taps: {}, predictions: {}, updates: [] });

function targetsOf({ gt, params }: HeadCase): Targets {
  const most = Math.max(1, ...gt.map(({ boxes }) => boxes.length));
  const padded = <T>(rows: readonly T[], fill: T): T[] => [...rows, ...Array<T>(most - rows.length).fill(fill)];
  return {
    boxes: tf.tensor3d(gt.map(({ boxes }) => padded(boxes, [0, 0, 0, 0]))),
    labels: tf.tensor2d(gt.map(({ labels }) => padded(labels, 0)), undefined, 'int32'),
    mask: tf.tensor2d(gt.map(({ boxes }) => padded(boxes.map(() => 1), 0))),
    imageSizes: params.pad_hw,
    paddedSize: params.image_hw,
    ids: gt.map((_, image) => image),
  };
}
