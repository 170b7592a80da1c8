import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config, TrainerEvent } from '@kd/core';
import { retinanet } from '@kd/detector-retinanet';
import { defeat } from '@kd/plugin-imitation';
import { kd } from '@kd/plugin-logits';
import { prototype } from '@kd/plugin-prototype';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { namedEngine } from '../named-engine.js';
import { logsOf, picturesFor, trainTiny } from './train-tiny.js';
import { type ByHand, byHand } from './weights-by-hand.js';

const engine = await namedEngine();

// Objects of 20 to 60 pixels then are on two levels.
const FINEST = 16;
const model = (width: number) =>
  retinanet({
    backbone: { block: 'basic', layers: [1, 1, 1, 1], width },
    fpnChannels: 8,
    input: { fixedSize: [96, 96] },
    head: { depth: 1, channels: 8 },
    anchors: { sizes: [[16], [32], [64], [128], [256]] },
  });
const STEPS = 4;
/** The prototypes without a term of their own: all that they do is to weigh those of the others. */
const weigher = (reliability?: (value: { readonly student: tf.Tensor2D }) => tf.Tensor1D) =>
  prototype({
    weights: { global: 0, feature: 0, response: 0 },
    minSide: 1,
    count: 3,
    ...(reliability && { reliability }),
  });
const constant = (weight: number) => weigher(({ student }) => tf.fill([student.shape[0]], weight));

interface Step {
  readonly terms: Readonly<Record<string, number>>;
  readonly hand: ByHand;
}

let folder: string;
const fit = (out: string, more: Partial<Config>): Promise<TrainerEvent[]> =>
  trainTiny(
    {
      engine,
      student: model(4),
      data: picturesFor('weights', 8, 1),
      batchSize: 4,
      epochs: STEPS / 2,
      ...more,
    },
    { out: join(folder, out) },
  );
/** A run with DeFeat and KD, in both of its forms, and what they should be by the weights of each step. */
async function steps(out: string, weights: readonly unknown[]): Promise<Step[]> {
  const hands: ByHand[] = [];
  const distillers = [
    ...weights,
    defeat({ adapter: 'none', finest: FINEST }),
    kd({ loss: 'softmax' }),
    ['kd', {}, { as: 'kd-all' }],
    byHand(FINEST, (step) => hands.push(step)),
  ];
  const events = await fit(out, { teacher: { weights: join(folder, 'teacher') }, distillers: distillers as never });
  const logs = logsOf(events);
  expect([logs.length, hands.length]).toEqual([STEPS, STEPS]);
  return logs.map(({ terms }, i) => ({ terms, hand: hands[i]! }));
}

let plain: Step[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kd-weights-'));
  // Learns in large strides, so that its classes are far from the student's: a divergence of nearly equal scores has
  // few digits in float32.
  await fit('teacher', { student: model(6), optimizer: { name: 'adamw', lr: 0.03 } });
  plain = await steps('plain', []);
});
afterAll(() => rm(folder, { recursive: true }));

const OWN = {
  'defeat.neckForeground': 'neckForeground',
  'defeat.neckBackground': 'neckBackground',
  'kd.cls': 'positives',
  'kd-all.cls': 'priors',
} as const;
function asByHand(all: readonly Step[]): void {
  for (const { terms, hand } of all) {
    expect(Object.keys(terms).filter((name) => name.startsWith('prototype'))).toEqual([]);
    for (const value of Object.values(terms)) expect(Number.isFinite(value)).toBe(true);
    for (const [term, name] of Object.entries(OWN)) {
      expect(hand[name], term).toBeGreaterThan(0);
      expect(
        Math.abs(terms[term]! / hand[name] - 1),
        `${term}: ${terms[term]} by the run, ${hand[name]} by hand`,
      ).toBeLessThan(1e-5);
    }
  }
}

it('without a plugin that weighs, every instance counts 1', () => {
  asByHand(plain);
  for (const { hand } of plain) expect(hand.weights).toBeNull();
});

it('weights of 1 change nothing in a whole run', async () => {
  const ones = await steps('ones', [constant(1)]);
  for (const { hand } of ones)
    expect(new Set([...hand.weights!.levels, hand.weights!.response].flat(2))).toEqual(new Set([1]));
  expect(ones.map(({ terms }) => terms)).toEqual(plain.map(({ terms }) => terms));
});

it('weights of one half leave the means of DeFeat, and halve the sums of KD over instances', async () => {
  const halves = await steps('halves', [constant(0.5)]);
  asByHand(halves);
  const [half, whole] = [halves[0]!.terms, plain[0]!.terms];
  expect(half['defeat.neckForeground']).toBeCloseTo(whole['defeat.neckForeground']!, 5);
  expect(half['defeat.neckBackground']).toBe(whole['defeat.neckBackground']);
  expect(half['kd.cls']! / whole['kd.cls']!).toBeCloseTo(0.5, 6);
  expect(half['kd-all.cls']).toBeLessThan(whole['kd-all.cls']!);
});

it("the prototypes' own weights reach every term that reads them, in every step of a run", async () => {
  const weighed = await steps('weighed', [weigher()]);
  asByHand(weighed);
  for (const {
    hand: { weights },
  } of weighed) {
    const all = [...weights!.levels, weights!.response].flat(2);
    expect(all.every((weight) => weight >= 0 && weight <= 1)).toBe(true);
    expect(new Set(all).size).toBeGreaterThan(10);
  }
  // Before the first update both runs have one student and one batch.
  const [first, without] = [weighed[0]!.terms, plain[0]!.terms];
  expect(first['classification']).toBe(without['classification']);
  expect(first['defeat.neckBackground']).toBe(without['defeat.neckBackground']);
  expect(first['kd.cls']).toBeLessThan(without['kd.cls']! * 0.999);
  expect(first['kd-all.cls']).toBeLessThan(without['kd-all.cls']!);
  expect(first['defeat.neckForeground']).not.toBeCloseTo(without['defeat.neckForeground']!, 5);
});
