import { pkdLoss } from '@kd/plugin-pkd';
import * as tf from '@tensorflow/tfjs-core';
import { fpn, hooksOf, type Pair, stepOf, sumOf } from './run.js';

type Values = ReadonlyMap<string, ArrayLike<number>>;

const valuesOf = async (tensors: readonly (readonly [string, tf.Tensor])[]): Promise<Values> =>
  new Map(await Promise.all(tensors.map(async ([name, tensor]) => [name, await tensor.data()] as const)));

const BRANCHES = ['cls', 'reg'] as const;

/**
 * `grad_stu_fpn.*` and `grad_stu.*`: of the sum of the terms, through the student's blocks; a weight without a gradient
 * is absent.
 */
export async function modelGradients(pair: Pair): Promise<Values> {
  const { student, teacher } = pair;
  const hooks = hooksOf(pair);
  const levels = fpn(pair, 'stu').map((map) => tf.variable(map));
  const taught = teacher.forward(fpn(pair, 'tea'));
  const variables = [
    ...levels.map((variable, i) => [`grad_stu_fpn.${i}`, variable] as const),
    ...[...student.variables].map(([name, variable]) => [`grad_stu.${name}`, variable] as const),
  ];
  const { grads } = tf.variableGrads(
    () => sumOf(hooks.lossCompose!(stepOf(pair, student.forward(levels as tf.Tensor[] as tf.Tensor4D[]), taught))),
    variables.map(([, variable]) => variable),
  );
  hooks.dispose!();
  const found = await valuesOf(
    variables.flatMap(([name, variable]) => {
      const gradient = grads[variable.name];
      return gradient ? [[name, gradient] as const] : [];
    }),
  );
  for (const level of levels) level.dispose();
  return found;
}

/**
 * `grad_stu_tap_*`: the taps are leaves. A level's map that both branches read is a leaf of each: the other's terms
 * weigh 0.
 */
export async function tapGradients(pair: Pair): Promise<Values> {
  const {
    student,
    teacher,
    one: {
      params: { idx },
    },
  } = pair;
  const own = student.forward(fpn(pair, 'stu'));
  const taught = teacher.forward(fpn(pair, 'tea'));
  return valuesOf(
    BRANCHES.flatMap((branch) => {
      const hooks = hooksOf(pair, idx > 0 ? {} : { weights: branch === 'cls' ? { reg: 0, ctr: 0 } : { cls: 0 } });
      const names = tapNames(pair, branch);
      const grads = tf.grads((...leaves: tf.Tensor[]) => {
        const taps = { ...own.taps, ...Object.fromEntries(names.map((name, i) => [name, leaves[i] as tf.Tensor4D])) };
        return sumOf(hooks.lossCompose!(stepOf(pair, { taps, predictions: own.predictions }, taught)));
      })(names.map((name) => own.taps[name]!));
      hooks.dispose!();
      return grads.map((gradient, level) => [`grad_stu_tap_${branch}.${level}`, gradient] as const);
    }),
  );
}

/** Taps of the student behind the case's block, a level. */
export function tapNames({ one: { params }, student }: Pair, branch: string): string[] {
  return params.strides.map((stride, level) => {
    if (params.idx === 0) return `neck@p${Math.log2(stride)}`;
    return student.head.taps.find(({ name }) => {
      const place = student.head.locate(name)!;
      return place.branch === branch && place.level === level && place.block === params.idx - 1;
    })!.name;
  });
}

/** `grad_pkd_stu_fpn.*`, and the loss of each level. */
export async function pkdGradients(
  pair: Pair,
): Promise<{ readonly losses: readonly number[]; readonly gradients: Values }> {
  const weight = pair.one.params.pkd_weight!;
  const [own, taught] = [fpn(pair, 'stu'), fpn(pair, 'tea')];
  const levels = own.map((map, level) =>
    tf.valueAndGrad((x: tf.Tensor) => tf.mul(pkdLoss(x as tf.Tensor4D, taught[level]!), weight) as tf.Scalar)(map),
  );
  return {
    losses: (await tf.stack(levels.map(({ value }) => value)).array()) as number[],
    gradients: await valuesOf(levels.map(({ grad }, level) => [`grad_pkd_stu_fpn.${level}`, grad] as const)),
  };
}
