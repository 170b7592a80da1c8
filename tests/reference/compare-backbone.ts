import { type BackboneDefinition, type Engine, parseOptions } from '@kd/core';
import { buildBackbone, compileGraph, layerVariables, type PrunedBackbone, type RunContext } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

/** What torch computed of a backbone whose weights and images are sines. */
export interface BackboneCase {
  readonly training: boolean;
  readonly parameters: number;
  readonly stages: readonly StageNumbers[];
  readonly loss: number;
  readonly gradients: Readonly<Record<string, readonly [sum: number, norm: number]>>;
  readonly statistics: Readonly<Record<string, number>>;
}

export interface StageNumbers {
  readonly stride: number;
  readonly module: number | string;
  readonly shape: readonly number[];
  readonly sum: number;
  readonly norm: number;
  readonly last: number;
}

const BODY = 'backbone.body';

/** The backbone with all of its stages that the reference has. */
export function builtFor(
  definition: BackboneDefinition,
  options: unknown,
  { training, stages }: Pick<BackboneCase, 'training' | 'stages'>,
): PrunedBackbone {
  return buildBackbone(
    { definition, options: parseOptions(definition.options, options, definition.name) },
    {
      path: BODY,
      seed: 0,
      norm: { kind: training ? 'live' : 'eval', epsilon: definition.norm?.epsilon ?? 1e-5 },
      trainableLayers: definition.trainableLayers,
      strides: stages.map(({ stride }) => stride),
    },
  );
}

/** Maps, gradients and running statistics, as torch has them. The engine has been started. */
export function compareBackbone(
  engine: Engine,
  backbone: PrunedBackbone,
  expected: BackboneCase,
  { height, width }: { readonly height: number; readonly width: number },
): void {
  const variables = layerVariables(backbone.layers);
  fill(variables, expected.training);
  const trained = variables.filter(({ trainable }) => trainable);
  expect(trained.reduce((sum, { variable }) => sum + variable.size, 0)).toBe(expected.parameters);

  const images = tf.tensor4d(
    Float32Array.from({ length: 2 * height * width * 3 }, (_, i) => Math.sin(0.37 * i + Math.sin(0.011 * i))),
    [2, height, width, 3],
  );
  const context = contextOf(engine, expected.training);
  const run = graphOf(backbone);
  let maps: tf.Tensor[] = [];
  const { value, grads } = tf.variableGrads(
    () => {
      maps = run(images, context).map((map) => tf.keep(map));
      for (const update of context.updates) tf.keep(update.value);
      return tf.addN(
        maps.map((map) => {
          const wave = Float32Array.from({ length: map.size }, (_, i) => Math.cos(0.9 * i));
          return tf.mean(tf.mul(map, tf.tensor(wave, map.shape)));
        }),
      ) as tf.Scalar;
    },
    trained.map(({ variable }) => variable),
  );
  compareStages(backbone, maps, expected.stages);
  expect(value.dataSync()[0]).toBeCloseTo(expected.loss, 5);
  const paths = new Set(variables.map(({ path }) => path));
  for (const [key, [sum, norm]] of Object.entries(expected.gradients)) {
    const path = ours(key, paths);
    const got = numbers(grads[variables.find((one) => one.path === path)!.variable.name]!);
    expect(Math.abs(got.norm - norm), path).toBeLessThan(1e-4 * norm + 1e-6);
    expect(Math.abs(got.sum - sum), `sum of ${path}`).toBeLessThan(1e-3 * norm + 1e-6);
  }
  const updates = new Map(context.updates.map(({ variable, value: kept }) => [variable.name, kept]));
  for (const [key, norm] of Object.entries(expected.statistics)) {
    const { variable } = variables.find(({ path }) => path === ours(key, paths))!;
    expect(numbers(updates.get(variable.name)!).norm / norm, key).toBeCloseTo(1, 4);
  }
  tf.dispose([images, value, maps, Object.values(grads), [...updates.values()]]);
  for (const { variable } of variables) variable.dispose();
}

/** Runs a backbone as detectors run it. */
export const graphOf = (backbone: PrunedBackbone): ((images: tf.Tensor, context: RunContext) => tf.Tensor[]) => {
  const graph = compileGraph(
    [backbone.images],
    backbone.read.map(({ output }) => output),
  );
  return (images, context) => graph.run([images], context);
};

export const contextOf = (engine: Engine, training: boolean): RunContext => ({
  training,
  updates: [],
  ...(engine.runOp && { runOp: engine.runOp.bind(engine) }),
});

export function compareStages(
  backbone: PrunedBackbone,
  maps: readonly tf.Tensor[],
  expected: readonly StageNumbers[],
): void {
  expected.forEach(({ stride, module, shape, sum, norm, last }, i) => {
    expect(backbone.read[i]).toMatchObject({ name: `${BODY}.${module}`, stride, channels: shape[3] });
    expect(maps[i]!.shape).toEqual(shape);
    const got = numbers(maps[i]!);
    expect(got.norm / norm, `stride ${stride}`).toBeCloseTo(1, 4);
    expect(Math.abs(got.sum - sum) / norm, `sum at stride ${stride}`).toBeLessThan(1e-4);
    expect(got.last, `last value at stride ${stride}`).toBeCloseTo(last, 3);
  });
}

/** Sines for weights, as the reference has them. */
function fill(variables: ReturnType<typeof layerVariables>, training: boolean): void {
  for (const { path, variable } of variables) {
    const phase = [...path].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 97;
    const leaf = path.slice(path.lastIndexOf('/') + 1);
    const fanIn = variable.shape.slice(0, -1).reduce((product, side) => product * side, 1);
    const value = (wave: number): number => {
      if (leaf === 'kernel') return wave * Math.sqrt((training ? 6 : 2.5) / fanIn);
      return leaf === 'gamma' || leaf === 'moving_variance' ? 1 + 0.3 * wave : 0.2 * wave;
    };
    const values = Float32Array.from({ length: variable.size }, (_, i) => value(Math.sin(1.7 * i ** 2 + phase)));
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
  }
}

const OURS: Readonly<Record<string, string>> = {
  running_mean: 'moving_mean',
  running_var: 'moving_variance',
};
/** `0.1.weight` of torch under our name. */
function ours(key: string, paths: ReadonlySet<string>): string {
  const [layer, leaf] = [key.slice(0, key.lastIndexOf('.')), key.slice(key.lastIndexOf('.') + 1)];
  const norm = paths.has(`${BODY}.${layer}/gamma`);
  return `${BODY}.${layer}/${OURS[leaf] ?? (leaf === 'weight' ? (norm ? 'gamma' : 'kernel') : norm ? 'beta' : 'bias')}`;
}

/** Summed up here, in 64 bits: it is the maps and gradients of an engine that are compared, not its sums. */
function numbers(of: tf.Tensor): { readonly sum: number; readonly norm: number; readonly last: number } {
  const values = of.dataSync<'float32'>();
  const total = (f: (value: number) => number): number => values.reduce((sum, value) => sum + f(value), 0);
  return { sum: total((value) => value), norm: Math.sqrt(total((value) => value ** 2)), last: values.at(-1)! };
}
