import { crossHead } from '@kd/plugin-crosskd';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { modelGradients, pkdGradients, tapGradients, tapNames } from './crosskd/gradients.js';
import { headModel } from './crosskd/heads.js';
import type { CrossCase, UnitCase } from './crosskd/index-file.js';
import { fpn, hooksOf, type Pair, stepOf } from './crosskd/run.js';
import { golden, mapName } from './crosskd/tensors.js';
import { unitOf } from './crosskd/units.js';
import { startEngine } from './support/engine.js';
import {
  casesOf,
  describeGolden,
  expectClose,
  goldenTest,
  type GoldenTensors,
  readWhole,
  scoped,
  touching,
} from './support/index.js';

/** What `describeDetector` reads of a case. */
const OF_DETECTORS = [
  ...['gt', 'level_hw', 'ignored_priors', 'params.pad_hw', 'params.ratios', 'params.octave_base', 'params.octaves'],
  ...['params.ranges', 'params.conv_bias'],
];

/** What a case is computed from; the rest of `expected` is compared. */
const ASSIGNMENT = /^(priors|labels|label_weights)\./;

describeGolden('crosskd', (area) => {
  // The engine may have to set its library up first.
  beforeAll(async () => void (await startEngine()));
  const cases = casesOf<UnitCase | CrossCase>(area);

  for (const one of cases.filter(({ kind }) => kind !== 'unit' && kind !== 'cross_head'))
    test(one.id, () => expect.fail(`kind "${String(one.kind)}" is unknown: write its test.`));

  describe('units', () => {
    for (const one of cases.filter((each): each is UnitCase => each.kind === 'unit')) {
      goldenTest('area', 'crosskd', one.id, () =>
        readWhole(one, async (one) => {
          const before = tf.memory().numTensors;
          const tensors = await area.tensors(one.file);
          await scoped(() => compareUnit(one, tensors));
          expect(tf.memory().numTensors).toBe(before);
        }),
      );
    }
  });

  describe('heads', () => {
    for (const one of cases.filter((each): each is CrossCase => each.kind === 'cross_head')) {
      describe(one.id, () => {
        const withPair = async (run: (pair: Pair) => Promise<void>, ...elsewhere: string[]): Promise<void> => {
          const tensors = await area.tensors(one.file);
          const before = tf.memory().numTensors;
          await readWhole(
            one,
            async (one) => {
              const [student, teacher] = [headModel(one, tensors, 'stu'), headModel(one, tensors, 'tea')];
              await scoped(() => run({ one, tensors, student, teacher }));
              student.dispose();
              teacher.dispose();
            },
            [...OF_DETECTORS, ...elsewhere],
          );
          expect(tf.memory().numTensors).toBe(before);
        };
        goldenTest('area', 'crosskd', 'maps and gradients', () =>
          withPair(compareTensors, 'losses', 'kd_total', 'if_wrong'),
        );
        goldenTest('area', 'crosskd', 'losses of the levels', () =>
          withPair(compareLosses, 'expected', 'student_tensors_without_kd_gradient', 'if_wrong'),
        );
        if (one.if_wrong?.['tap_before_relu'])
          goldenTest('area', 'crosskd', 'losses with the tap before the ReLU', () =>
            withPair(
              compareEarlyTap,
              'losses',
              'kd_total',
              'expected',
              'student_tensors_without_kd_gradient',
              'params.pkd_weight',
            ),
          );
      });
    }
  });
});

async function compareUnit({ id, inputs: keys, params, expected }: UnitCase, tensors: GoldenTensors): Promise<void> {
  const { of, run } = unitOf(id);
  const inputs = Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, golden(tensors, key)]));
  const output = run(inputs, params);
  const objective = (x: tf.Tensor): tf.Scalar => {
    const made = run({ ...inputs, [of]: x }, params);
    return tf.sum(inputs['upstream'] ? tf.mul(made, inputs['upstream']) : made);
  };
  const actual: Record<string, ArrayLike<number>> = {
    loss: await output.data(),
    output: await output.data(),
    [`grad_${of}`]: await tf
      .grad(touching((x) => objective(x!)))(inputs[of]!)
      .data(),
  };
  for (const [name, { tensor, value, atol }] of Object.entries(expected)) {
    if (!(name in actual)) throw new Error(`the case expects "${name}", which the test does not compute`);
    expectClose(actual[name]!, tensor === undefined ? [value!] : tensors.get(tensor).values, atol, name);
  }
  expect(Object.keys(expected).length).toBeGreaterThan(0);
}

/** Every tensor of `expected`, and no gradient where there must be none. */
async function compareTensors(pair: Pair): Promise<void> {
  const { one, tensors } = pair;
  const model = await modelGradients(pair);
  const actual = new Map([
    ...(await forwardTensors(pair)),
    ...(await tapGradients(pair)),
    ...model,
    ...(one.params.pkd_weight === null ? [] : (await pkdGradients(pair)).gradients),
  ]);
  const wanted = Object.entries(one.expected).filter(([key]) => !ASSIGNMENT.test(key));
  for (const [key, { atol }] of wanted) {
    const values = actual.get(key);
    if (!values) throw new Error(`the case expects "${key}", which the test does not compute`);
    expectClose(values, tensors.get(key).values, atol, key);
  }
  const without = one.student_tensors_without_kd_gradient.flatMap((name) =>
    name === 'scales' ? one.params.strides.map((_, level) => `scales.${level}`) : [name],
  );
  expect([...model.keys()].filter((key) => without.includes(key.slice('grad_stu.'.length)))).toEqual([]);
  expect([...model.keys()].sort()).toEqual(
    wanted
      .map(([key]) => key)
      .filter((key) => /^grad_stu(_fpn)?\./.test(key))
      .sort(),
  );
}

/** Taps, the teacher's maps, aligned features and cross-head maps, by the names of the case. */
async function forwardTensors(pair: Pair): Promise<Map<string, ArrayLike<number>>> {
  const {
    one: { params },
    student,
    teacher,
  } = pair;
  const [own, taught] = [student.forward(fpn(pair, 'stu')), teacher.forward(fpn(pair, 'tea'))];
  const found = new Map<string, ArrayLike<number>>();
  for (const level of params.strides.keys()) {
    for (const [name, maps] of Object.entries(taught.predictions))
      found.set(`tea_${mapName(name)}.${level}`, await maps[level]!.data());
    for (const branch of student.head.branches) {
      const feature = {
        student: own.taps[tapNames(pair, branch)[level]!]!,
        teacher: taught.taps[tapNames({ ...pair, student: teacher }, branch)[level]!]!,
      };
      const { aligned, maps } = crossHead(teacher.head, branch, feature, { level, i: params.idx });
      found
        .set(`stu_tap_${branch}.${level}`, await feature.student.data())
        .set(`tea_tap_${branch}.${level}`, await feature.teacher.data())
        .set(`aligned_${branch}.${level}`, await aligned.data());
      for (const [name, map] of Object.entries(maps)) found.set(`cross_${mapName(name)}.${level}`, await map.data());
    }
  }
  return found;
}

const close = (actual: number, expected: number, rtol: number, what: string): void =>
  expect(Math.abs(actual - expected), `${what}: ${actual}, expected ${expected}`).toBeLessThanOrEqual(
    rtol * Math.abs(expected) + 1e-9,
  );

/** Terms by name, in the order of the levels. */
async function termsOf(pair: Pair, options: Parameters<typeof hooksOf>[1]): Promise<Map<string, number[]>> {
  const hooks = hooksOf(pair, options);
  const terms = hooks.lossCompose!(
    stepOf(pair, pair.student.forward(fpn(pair, 'stu')), pair.teacher.forward(fpn(pair, 'tea'))),
  );
  const found = new Map<string, number[]>();
  for (const [name, term] of Object.entries(terms)) {
    const of = name.split('.')[0]!;
    found.set(of, [...(found.get(of) ?? []), (await term.data())[0]!]);
  }
  hooks.dispose!();
  return found;
}

const TERMS: Readonly<Record<string, string>> = { loss_cls_kd: 'cls', loss_reg_kd: 'reg', loss_ctr_kd: 'ctr' };

/** Every term of every level, their sums, and the sum of all. */
async function compareLosses(pair: Pair): Promise<void> {
  const { one } = pair;
  const [levels, sums] = [await termsOf(pair, { perLevel: true }), await termsOf(pair, {})];
  const { loss_feat_kd: pkd, ...own } = one.losses;
  expect([...sums.keys()].sort()).toEqual(
    Object.keys(own)
      .map((key) => TERMS[key])
      .sort(),
  );
  for (const [key, { per_level, total, rtol }] of Object.entries(own)) {
    const name = TERMS[key]!;
    close(sums.get(name)![0]!, total, rtol, key);
    // FCOS' reference has one value for all levels.
    if (per_level.length === one.params.strides.length)
      per_level.forEach((value, level) => close(levels.get(name)![level]!, value, rtol, `${key}, level ${level}`));
    else
      close(
        levels.get(name)!.reduce((sum, value) => sum + value),
        total,
        rtol,
        key,
      );
  }
  close(
    [...sums.values()].flat().reduce((sum, value) => sum + value, 0),
    one.kd_total,
    Math.max(...Object.values(own).map(({ rtol }) => rtol)),
    'kd_total',
  );
  expect(pkd !== undefined, 'a loss of PKD').toBe(one.params.pkd_weight !== null);
  if (pkd)
    (await pkdGradients(pair)).losses.forEach((value, level) =>
      close(value, pkd.per_level[level]!, pkd.rtol, `loss_feat_kd, level ${level}`),
    );
}

/** What the reference's text says, as against what it does: the tap before the ReLU. */
async function compareEarlyTap(pair: Pair): Promise<void> {
  const { grad_stu_fpn_l2: _norm, ...wanted } = pair.one.if_wrong!['tap_before_relu']!;
  const sums = await termsOf(pair, { tap: 'pre' });
  for (const [key, value] of Object.entries(wanted)) close(sums.get(TERMS[key]!)![0]!, value, 2e-5, key);
}
