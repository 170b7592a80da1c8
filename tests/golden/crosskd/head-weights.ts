import type { DetectorVariable } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import type { GoldenTensors } from '../support/index.js';
import type { CrossCase, Role } from './index-file.js';

const PREDICTIONS: Readonly<Record<string, string>> = {
  cls_logits: 'cls_pred',
  bbox_reg: 'reg_pred',
  bbox_ctrness: 'ctr_pred',
};

/**
 * The cases' name of a weight of the head: `head.classification_head.conv.2.1/gamma` is `cls_convs.2.gamma`, a level's
 * scale `scales.0`.
 * FCOS numbers the modules of its towers, ReLUs as well: there it is `head.classification_head.conv.7/gamma`.
 * @throws when the path is none of a head, or the weight stands where its block has another layer
 */
function weightName(path: string): string {
  const parts =
    /^head\.(classification|regression)_head\.(?:conv\.(\d+)(?:\.(\d+))?|(cls_logits|bbox_reg|bbox_ctrness)|scales\.(\d+))\/(\w+)$/.exec(
      path,
    );
  const [, branch, number, within, prediction, level, weight] = parts ?? [];
  if (weight === undefined) throw new Error(`no name is known for the weight "${path}" of a head`);
  if (level !== undefined) return `scales.${level}`;
  if (prediction !== undefined) return `${PREDICTIONS[prediction]!}.${weight}`;
  const [block, place] =
    within === undefined ? [Math.floor(Number(number) / 3), Number(number) % 3] : [Number(number), Number(within)];
  if (place !== (weight === 'gamma' || weight === 'beta' ? 1 : 0))
    throw new Error(`"${path}": a block has its convolution first and its norm second`);
  return `${branch === 'classification' ? 'cls' : 'reg'}_convs.${block}.${weight}`;
}

/** The weights of one role by name; the scales of the levels are one tensor there. */
function storedNames({ inputs }: Pick<CrossCase, 'inputs'>, tensors: GoldenTensors, role: Role): string[] {
  const keys = new Set([...inputs, ...tensors.all.keys()].filter((key) => key.startsWith(`${role}.`)));
  return [...keys].flatMap((key) =>
    key === `${role}.scales`
      ? Array.from(tensors.get(key).values, (_, level) => `scales.${level}`)
      : [key.slice(role.length + 1)],
  );
}

/**
 * Assigns the case's weights of one role to a head. Both have the same weights, or the test fails: one that the case
 * has not would keep its first value.
 * @returns the variables by the names of the case, `cls_convs.0.kernel`
 */
export function loadHead(
  variables: readonly Pick<DetectorVariable, 'path' | 'variable'>[],
  one: Pick<CrossCase, 'inputs'>,
  tensors: GoldenTensors,
  role: Role,
): Map<string, tf.Variable> {
  const named = variables.map(({ path, variable }) => ({ name: weightName(path), variable }));
  expect(named.map(({ name }) => name).sort(), 'every stored weight is in the head').toEqual(
    storedNames(one, tensors, role).sort(),
  );
  for (const { name, variable } of named) {
    const level = /^scales\.(\d+)$/.exec(name)?.[1];
    const { values, shape } = tensors.get(`${role}.${level === undefined ? name : 'scales'}`);
    const value =
      level === undefined
        ? tf.tensor(Float32Array.from(values), [...shape])
        : tf.tensor([values[Number(level)]!], variable.shape);
    variable.assign(value);
    value.dispose();
  }
  return new Map(named.map(({ name, variable }) => [name, variable]));
}
