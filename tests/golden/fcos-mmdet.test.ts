import { parseOptions } from '@kd/core';
import { fcos, type FcosDetector, type FcosInput } from '@kd/detector-fcos';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect } from 'vitest';
import { type CrossHeadCase, levelsOf, targetsOf } from './detectors/cross-head-case.js';
import { type Area, casesOf, describeGolden, expectClose, expectEqual, type GoldenTensor, type GoldenTensors, goldenTest } from './support/index.js';
import { startEngine } from './support/engine.js';

// What CrossKD's cases hold of the detector that it was run on: FCOS as mmdetection builds it.

interface UnitCase {
  readonly id: string;
  readonly kind: 'unit';
  readonly file: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly expected: Readonly<Record<string, { readonly tensor: string; readonly atol: number }>>;
}

type Role = 'stu' | 'tea';
const TOWERS = ['cls', 'reg'] as const;
/** Our names of the maps and the case's. */
const MAPS: Readonly<Record<string, string>> = { cls: 'cls', reg: 'reg', centerness: 'ctr' };

describeGolden('crosskd', (area) => {
  beforeAll(async () => {
    await startEngine();
    // The engine may have to set its library up first.
  }, 600_000);

  const cases = casesOf<CrossHeadCase | UnitCase>(area);
  const heads = cases.filter((one): one is CrossHeadCase => one.kind === 'cross_head' && one.params.detector === 'fcos');

  describe('FCOS, flavour mmdet: assignment', () => {
    for (const one of heads) {
      goldenTest('detector', 'fcos', one.id, () => withDetector(area, one, 'stu', (detector, tensors) => {
        const priors = detector.priors(levelsOf(one), one.params.image_hw);
        const { matched, positives, centerness } = detector.assign(priors, targetsOf(one));
        expect(priors.perLevel).toEqual(one.level_hw.map(([h, w]) => h * w));
        const rows = matched.arraySync();
        let from = 0;
        one.level_hw.forEach((_, level) => {
          const count = priors.perLevel[level]!;
          const corners = tf.slice(priors.boxes, [from, 0], [count, 4]);
          const points = tf.div(tf.add(tf.slice(corners, [0, 0], [count, 2]), tf.slice(corners, [0, 2], [count, 2])), 2);
          expectEqual(points.dataSync(), tensors.get(`priors.${level}`).values, `priors.${level}`);
          const own = rows.map((row) => row.slice(from, from + count));
          const labels = own.map((row, image) => row.map((g) => (g >= 0 ? one.gt[image]!.labels[g]! : one.params.classes)));
          expectEqual(labels.flat(), tensors.get(`labels.${level}`).values, `labels.${level}`);
          expectEqual(own.flat().map((g) => (g === -2 ? 0 : 1)), tensors.get(`label_weights.${level}`).values, `label_weights.${level}`);
          from += count;
        });
        expect(tf.sum(positives).dataSync()[0]).toBe(one.num_positive);
        expect(Math.abs(tf.sum(centerness!).dataSync()[0]! / one.avg_factor - 1), 'sum of the centerness targets').toBeLessThan(1e-6);
      }));
    }
  });

  describe('FCOS, flavour mmdet: head maps', () => {
    for (const one of heads) {
      for (const role of ['stu', 'tea'] as const) {
        goldenTest('detector', 'fcos', `${one.id}, ${role}`, () => withDetector(area, one, role, (detector, tensors) => {
          load(detector, tensors, role);
          const got = mapsOf(detector, tensors, role, one);
          const own = role === 'tea' ? /^(tea|cross)_/ : /^stu_/;
          const wanted = Object.keys(one.expected).filter((key) => own.test(key));
          expect(wanted.length).toBeGreaterThanOrEqual(2 * one.level_hw.length);
          for (const key of wanted) {
            expect(got.get(key)?.shape, key).toEqual(one.expected[key]!.shape);
            expectClose(got.get(key)!.dataSync(), tensors.get(key).values, one.expected[key]!.atol, key);
          }
        }));
      }
    }
  });

  describe('FCOS, flavour mmdet: decoding', () => {
    for (const one of cases.filter((unit): unit is UnitCase => unit.kind === 'unit' && unit.inputs['dist'] !== undefined)) {
      goldenTest('detector', 'fcos', one.id, () => withDetector(area, heads[0]!, 'stu', async (detector) => {
        const tensors = await area.tensors(one.file);
        const [points, dist, upstream] = ['points', 'dist', 'upstream'].map((key) => tensorOf(tensors.get(one.inputs[key]))) as [tf.Tensor2D, tf.Tensor, tf.Tensor];
        // Any box around a point stands for it.
        const boxes = tf.concat([tf.sub(points, 3), tf.add(points, 3)], 1) as tf.Tensor2D;
        const decode = (codes: tf.Tensor): tf.Tensor => detector.decode(codes as tf.Tensor3D, { boxes, perLevel: [boxes.shape[0]], strides: [[6, 6]] });
        const codes = tf.expandDims(dist, 0);
        const got: Readonly<Record<string, tf.Tensor>> = { output: decode(codes), grad_dist: tf.grad(decode)(codes, tf.expandDims(upstream, 0)) };
        expect(Object.keys(got).sort()).toEqual(Object.keys(one.expected).sort());
        for (const [key, { tensor, atol }] of Object.entries(one.expected)) expectClose(got[key]!.dataSync(), tensors.get(tensor).values, atol, key);
      }));
    }
  });
});

/** Taps and maps of every level; of the teacher, also what its last blocks make of the aligned taps of the student. */
function mapsOf({ head }: FcosDetector, tensors: GoldenTensors, role: Role, { params: { idx }, level_hw }: CrossHeadCase): ReadonlyMap<string, tf.Tensor> {
  const got = new Map<string, tf.Tensor>();
  for (const branch of TOWERS) {
    level_hw.forEach((_, level) => {
      const x = tensorOf(tensors.get(`${role}_fpn.${level}`)) as tf.Tensor4D;
      got.set(`${role}_tap_${branch}.${level}`, head!.run(branch, x, { level, to: idx })['feature']!);
      for (const [name, map] of Object.entries(head!.run(branch, x, { level }))) got.set(`${role}_${MAPS[name]!}.${level}`, map);
      if (role === 'stu') return;
      const aligned = tf.relu(tensorOf(tensors.get(`aligned_${branch}.${level}`)) as tf.Tensor4D);
      for (const [name, map] of Object.entries(head!.run(branch, aligned, { level, from: idx }))) got.set(`cross_${MAPS[name]!}.${level}`, map);
    });
  }
  return got;
}

const tensorOf = ({ values, shape }: GoldenTensor): tf.Tensor => tf.tensor(Float32Array.from(values), [...shape]);

/** A detector with the case's head and levels; what is below them does not matter here. */
async function withDetector(area: Area, one: CrossHeadCase, role: Role, run: (detector: FcosDetector, tensors: GoldenTensors) => void | Promise<void>): Promise<void> {
  const { strides, channels, classes, groups, conv_bias: convBias, ranges, norm_on_bbox: normOnBbox, centerness_on_reg: onReg } = one.params;
  const options: FcosInput = {
    flavour: 'mmdet',
    backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 8 },
    returnedLayers: strides.map((stride) => Math.log2(stride) - 1),
    extra: 'none',
    fpnChannels: channels,
    head: { depth: role === 'stu' ? one.params.stacked_stu : one.params.stacked_tea, norm: groups > 0 ? 'group' : 'none', ...(groups > 0 && { groups }), convBias, normOnBbox, centerness: onReg ? 'reg' : 'cls' },
    regressRanges: ranges,
  };
  const categories = Array.from({ length: classes }, (_, id) => ({ id, name: `class ${id}` }));
  const detector = fcos.definition.create(parseOptions(fcos.definition.options, options, 'fcos'), { categories, seed: 1 }) as FcosDetector;
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
  if (layer.endsWith('.bbox_ctrness')) return 'ctr_pred';
  const block = /\.conv\.(\d+)$/.exec(layer);
  return block ? `${branch}_convs.${Math.floor(Number(block[1]) / 3)}` : `${branch}_pred`;
}

/** The case's weights of one role; the scales of the levels are one tensor there. */
function load(detector: FcosDetector, tensors: GoldenTensors, role: Role): void {
  const used = new Set<string>();
  for (const { path, variable } of detector.variables.filter((own) => own.path.startsWith('head.'))) {
    const [layer, weight] = path.split('/') as [string, string];
    const level = /\.scales\.(\d+)$/.exec(layer)?.[1];
    const key = level === undefined ? `${role}.${storedName(layer)}.${weight}` : `${role}.scales`;
    const { values } = tensors.get(key);
    used.add(key);
    variable.assign(tf.tensor(level === undefined ? Float32Array.from(values) : [values[Number(level)]!], variable.shape));
  }
  expect([...used].sort(), 'every stored weight is in the head').toEqual([...tensors.all.keys()].filter((key) => key.startsWith(`${role}.`)).sort());
}
