import * as tf from '@tensorflow/tfjs-core';
import { cpuEngine } from '@kd/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  disposeBuilt,
  disposeResult,
  gradientsOf,
  distillation,
  plugin,
  step,
  termsOf,
  toyBatch,
} from '../../test/distillation.js';
import { expectNoLeaks } from '../../test/live-tensors.js';
import type { HostBatch } from '../contract/data.js';
import type { Hooks, StepView } from '../contract/plugin.js';

let batch: HostBatch;
beforeAll(async () => {
  await cpuEngine().start();
  batch = await toyBatch();
  disposeBuilt();
});
expectNoLeaks(disposeBuilt);

const scalar = (of: number): tf.Scalar => tf.scalar(of);

const weights = (response: tf.Tensor) => ({ levels: [], response: response as tf.Tensor2D });

describe('what plugins share in a step', () => {
  it('lets one read what another made inside of its own tidy', async () => {
    const seen: Record<string, number[]> = {};
    const { models } = await distillation([
      plugin('writer', () => ({
        headForward: (view: StepView) => tf.tidy(() => view.weights.set(weights(tf.mul(view.instances.mask, 2)))),
        lossCompose: (view: StepView) => ({ a: tf.tidy(() => tf.sum(view.instances.boxes) as tf.Scalar) }),
      })),
      plugin('reader', () => ({
        lossCompose: (view: StepView) => {
          seen['mask'] = [...view.instances.mask.dataSync()];
          seen['weights'] = [...view.weights.get()!.response.dataSync()];
          seen['boxes'] = view.instances.boxes.shape;
          return { b: tf.sum(view.instances.boxes) as tf.Scalar };
        },
      })),
    ]);
    const terms = termsOf(step(models, batch));
    expect(terms['writer.a']).toBe(terms['reader.b']);
    expect(seen['weights']).toEqual(seen['mask']!.map((one) => 2 * one));
    expect(seen['mask']).toContain(1);
  });

  it('fills the weight channel before any lossCompose, whatever the order of the plugins', async () => {
    const got: unknown[] = [];
    const reader = (name: string) =>
      plugin(name, () => ({
        lossCompose: ({ weights }: StepView) => {
          got.push(weights.get()?.response.shape);
          return {};
        },
      }));
    const writer = plugin('writer', () => ({
      headForward: ({ weights: channel, instances }: StepView) => channel.set(weights(tf.onesLike(instances.mask))),
    }));
    const { models } = await distillation([reader('first'), writer, reader('last')]);
    disposeResult(step(models, batch));
    expect(got).toEqual([
      [4, 20],
      [4, 20],
    ]);
  });

  it.each([
    [
      'a second writer',
      (view: StepView) => view.weights.set(weights(tf.onesLike(view.instances.mask))),
      undefined,
      /second: the weight channel is already filled by first/,
    ],
    [
      'another shape',
      (view: StepView) => view.weights.set(weights(tf.ones([4, 3]))),
      undefined,
      /first: the weight channel holds one weight an instance, \[4, 20\]; got \[4, 3\]/,
    ],
    [
      'a late writer',
      undefined,
      (view: StepView) => {
        view.weights.set(weights(tf.onesLike(view.instances.mask)));
        return {};
      },
      /first: the weight channel can be filled in headForward only/,
    ],
  ])('refuses %s of the weight channel', async (_, headForward, lossCompose, message) => {
    const { models } = await distillation(
      ['first', 'second'].map((name) => plugin(name, () => ({ headForward, lossCompose }))),
    );
    expect(() => step(models, batch)).toThrow(
      expect.objectContaining({ code: 'PLUGIN_HOOK', message: expect.stringMatching(message) }),
    );
  });

  it('tells what plugins watch besides, in no total', async () => {
    const { models } = await distillation([
      plugin('p', () => ({
        lossCompose: () => ({ a: scalar(2) }),
        stats: ({ instances }: StepView) => ({ seen: tf.tidy(() => tf.sum(instances.mask) as tf.Scalar) }),
      })),
    ]);
    const result = step(models, batch);
    expect(result.names.at(-1)).toBe('p.a');
    expect(result.stats).toEqual(['p.seen']);
    expect([...result.terms.dataSync()].slice(result.names.length)).toEqual([
      expect.toSatisfy((seen: number) => seen > 0),
    ]);
    disposeResult(result);
  });

  it('refuses a tap that nobody asked for, listing what was', async () => {
    const { models } = await distillation([
      plugin(
        'p',
        () =>
          ({
            featureTap: (taps) => void taps.of('student', 'neck@p3'),
            lossCompose: ({ student: view }) => ({ a: tf.mean(view.tap('neck@p4')) as tf.Scalar }),
          }) satisfies Hooks,
      ),
    ]);
    expect(() => step(models, batch)).toThrow(
      /tap "neck@p4" of the student was not asked for in featureTap\. Asked for: neck@p3/,
    );
  });

  it("runs part of the teacher's head on the student's features with a gradient for the student alone", async () => {
    const { models } = await distillation([
      plugin(
        'cross',
        () =>
          ({
            featureTap: (taps) => void taps.of('student', 'neck@p3'),
            lossCompose: ({ student: own, teacher }: StepView) => {
              const feature = own.head!.run('cls', own.tap('neck@p3'), { level: 0, to: 1 })['feature']!;
              return { a: tf.mean(teacher.head!.run('cls', feature, { level: 0, from: 1 })['cls']!) as tf.Scalar };
            },
          }) satisfies Hooks,
      ),
    ]);
    const only = { ...models, student: { ...models.student, terms: () => ({ none: scalar(0) }) } };
    const gradients = gradientsOf(step(only, batch));
    expect(gradients['student/head.cls.0/bias']!.some((value) => value !== 0)).toBe(true);
    expect(gradients['student/head.cls.out/kernel']).toBeUndefined();
  });

  it("gives both models' logits of the instances, with a gradient for the student alone", async () => {
    const seen: number[][] = [];
    const { models } = await distillation([
      plugin('p', () => ({
        lossCompose: ({ student: own, teacher, instances }: StepView) =>
          tf.tidy(() => {
            seen.push(own.ofInstances.logits.shape, teacher.ofInstances.logits.shape, instances.mask.shape);
            const gap = tf.mul(
              tf.sub(own.ofInstances.logits, teacher.ofInstances.logits),
              tf.expandDims(instances.mask, -1),
            );
            return { a: tf.sum(tf.square(gap)) as tf.Scalar };
          }),
      })),
    ]);
    const only = { ...models, student: { ...models.student, terms: () => ({ none: scalar(0) }) } };
    const gradients = gradientsOf(step(only, batch));
    expect(seen[0]).toEqual(seen[1]);
    expect(seen[0]!.slice(0, 2)).toEqual(seen[2]);
    expect(gradients['student/head.cls.out/kernel']!.some((value) => value !== 0)).toBe(true);
  });
});
