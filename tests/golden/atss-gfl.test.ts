import { type Detector, type DetectorOutput, parseOptions, type Targets } from '@kd/core';
import { atss, gfl } from '@kd/detector-gfl';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect } from 'vitest';
import { type Area, casesOf, describeGolden, expectClose, expectEqual, type GoldenTensors, goldenTest } from './support/index.js';
import { startEngine } from './support/engine.js';

// What CrossKD's cases hold of the detectors that it was run on: ATSS and GFL as mmdetection builds them.

interface HeadCase {
  readonly id: string;
  readonly kind: 'cross_head';
  readonly file: string;
  readonly params: {
    readonly detector: 'atss' | 'gfl' | 'fcos' | 'retina';
    readonly octave_base: number;
    readonly strides: number[];
    readonly channels: number;
    readonly groups: number;
    readonly classes: number;
    readonly reg_max: number;
    readonly idx: number;
    readonly image_hw: [number, number];
    /** [height, width] of each image, padded by itself */
    readonly pad_hw: [number, number][];
    readonly stacked_stu: number;
    readonly stacked_tea: number;
  };
  readonly gt: readonly { readonly boxes: number[][]; readonly labels: number[] }[];
  readonly level_hw: readonly [number, number][];
  readonly avg_factor: number;
  readonly num_positive: number;
  readonly ignored_priors: number;
  readonly expected: Readonly<Record<string, { readonly shape: readonly number[]; readonly atol: number }>>;
}

interface DecodeCase {
  readonly id: string;
  readonly kind: 'unit';
  readonly file: string;
  readonly params: { readonly stds?: number[] };
  readonly inputs: Readonly<Record<string, string>>;
  readonly expected: Readonly<Record<string, { readonly tensor: string; readonly atol: number }>>;
}

type Role = 'stu' | 'tea';
type Name = 'atss' | 'gfl';

describeGolden('crosskd', (area) => {
  beforeAll(async () => {
    await startEngine();
    // The engine may have to set its library up first.
  }, 600_000);

  const cases = casesOf<HeadCase | DecodeCase>(area);
  const of = (name: Name): HeadCase[] => cases.filter((one): one is HeadCase => one.kind === 'cross_head' && one.params.detector === name);

  for (const name of ['atss', 'gfl'] as const) {
    describe(`${name}: assignment`, () => {
      for (const one of of(name)) goldenTest('detector', name, one.id, () => withDetector(area, one, 'stu', (detector, tensors) => checkAssignment(one, detector, tensors)));
    });
    describe(`${name}: head maps`, () => {
      for (const one of of(name)) {
        for (const role of ['stu', 'tea'] as const) {
          goldenTest('detector', name, `${one.id}, ${role}`, () => withDetector(area, one, role, (detector, tensors) => {
            load(detector, tensors, role);
            checkMaps(one, role, detector, tensors);
          }));
        }
      }
    });
  }

  describe('atss: decoding', () => {
    for (const one of cases.filter((unit): unit is DecodeCase => unit.kind === 'unit' && unit.params.stds?.join() === '0.1,0.1,0.2,0.2')) {
      goldenTest('detector', 'atss', one.id, () => withDetector(area, of('atss')[0]!, 'stu', async (detector) => {
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

function checkAssignment(one: HeadCase, detector: Detector, tensors: GoldenTensors): void {
  const priors = detector.priors(levelsOf(one), one.params.image_hw);
  const { matched, positives, centerness } = detector.assign(priors, targetsOf(one));
  const rows = matched.arraySync();
  let [from, ignored] = [0, 0];
  expect(priors.perLevel).toEqual(one.level_hw.map(([h, w]) => h * w));
  priors.perLevel.forEach((count, level) => {
    expectEqual(tf.slice(priors.boxes, [from, 0], [count, 4]).dataSync(), tensors.get(`priors.${level}`).values, `priors.${level}`);
    const own = rows.map((row) => row.slice(from, from + count));
    const labels = own.map((row, image) => row.map((g) => (g >= 0 ? one.gt[image]!.labels[g]! : one.params.classes)));
    expectEqual(labels.flat(), tensors.get(`labels.${level}`).values, `labels.${level}`);
    const weights = own.flat().map((g) => (g === -2 ? 0 : 1));
    expectEqual(weights, tensors.get(`label_weights.${level}`).values, `label_weights.${level}`);
    ignored += weights.filter((weight) => weight === 0).length;
    from += count;
  });
  expect(ignored).toBe(one.ignored_priors);
  const counts = positives.arraySync();
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(one.num_positive);
  expect(counts.reduce((sum, count) => sum + Math.max(count, 1), 0)).toBe(one.avg_factor);
  // The cases hold no centerness targets: where they are is known, and their range.
  expect(centerness !== undefined).toBe(one.params.detector === 'atss');
  centerness?.arraySync().forEach((row, image) => row.forEach((value, prior) => expect(value > 0 && value <= 1).toBe(rows[image]![prior]! >= 0)));
}

function checkMaps(one: HeadCase, role: Role, detector: Detector, tensors: GoldenTensors): void {
  const compared: string[] = [];
  for (const branch of ['cls', 'reg'] as const) {
    one.level_hw.forEach((_, level) => {
      const feature = tensors.get(`${role}_fpn.${level}`);
      const x = tf.tensor4d(Float32Array.from(feature.values), feature.shape as [number, number, number, number]);
      const whole = detector.head!.run(branch, x, { level });
      const maps = {
        [`${role}_tap_${branch}.${level}`]: detector.head!.run(branch, x, { level, to: one.params.idx })['feature']!,
        [`${role}_${branch}.${level}`]: whole[branch]!,
        ...(whole['centerness'] && { [`${role}_ctr.${level}`]: whole['centerness'] }),
      };
      for (const [key, map] of Object.entries(maps)) {
        const wanted = one.expected[key];
        if (wanted === undefined) continue;
        expect(map.shape, key).toEqual(wanted.shape);
        expectClose(map.dataSync(), tensors.get(key).values, wanted.atol, key);
        compared.push(key);
      }
    });
  }
  const stored = Object.keys(one.expected).filter((key) => key.startsWith(`${role}_`));
  expect(compared.sort(), 'every map of the case is compared').toEqual(stored.sort());
}

/** A detector with the case's head and levels; what is below them does not matter here. */
async function withDetector(area: Area, { file, params }: HeadCase, role: Role, run: (detector: Detector, tensors: GoldenTensors) => void | Promise<void>): Promise<void> {
  const { strides, octave_base, channels, groups, classes, reg_max } = params;
  const options = {
    backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 },
    returnedLayers: strides.map((stride) => Math.log2(stride) - 1),
    extra: 'none',
    fpnChannels: channels,
    head: { depth: role === 'stu' ? params.stacked_stu : params.stacked_tea, groups },
    anchorScale: octave_base,
  };
  const context = { categories: Array.from({ length: classes }, (_, id) => ({ id, name: `class ${id}` })), seed: 1 };
  const detector = params.detector === 'atss'
    ? atss.definition.create(parseOptions(atss.definition.options, options, 'atss'), context)
    : gfl.definition.create(parseOptions(gfl.definition.options, { ...options, regMax: reg_max }, 'gfl'), context);
  tf.engine().startScope();
  try {
    await run(detector, await area.tensors(file));
  } finally {
    tf.engine().endScope();
    detector.dispose();
  }
}

/** The name that the cases give to a layer of the head. */
function storedName(layer: string): string {
  const branch = layer.startsWith('head.classification_head') ? 'cls' : 'reg';
  const block = /\.conv\.(\d+)\.[01]$/.exec(layer);
  if (block) return `${branch}_convs.${block[1]!}`;
  return layer.endsWith('.bbox_ctrness') ? 'ctr_pred' : `${branch}_pred`;
}

function load(detector: Detector, tensors: GoldenTensors, role: Role): void {
  const used = new Set<string>();
  for (const { path, variable } of detector.variables.filter((one) => one.path.startsWith('head.'))) {
    const [layer, weight] = path.split('/') as [string, string];
    const level = /\.scales\.(\d+)$/.exec(layer)?.[1];
    const key = `${role}.${level === undefined ? `${storedName(layer)}.${weight}` : 'scales'}`;
    const { values, shape } = tensors.get(key);
    variable.assign(level === undefined ? tf.tensor(Float32Array.from(values), [...shape]) : tf.scalar(values[Number(level)]!));
    used.add(key);
  }
  const stored = [...tensors.all.keys()].filter((key) => key.startsWith(`${role}.`));
  expect([...used].sort(), 'every stored weight is in the head').toEqual(stored.sort());
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
