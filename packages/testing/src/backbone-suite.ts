import { createHash } from 'node:crypto';
import {
  type Backbone,
  type BackboneDefinition,
  type BackboneNorm,
  type Engine,
  parseOptions,
  type Usable,
} from '@kd/core';
import { cpu } from '@kd/engine-cpu';
import { buildBackbone, compileGraph, layerVariables, type PrunedBackbone, type RunContext } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { valuesOf } from './detector-step.js';
import { tensorsAfter } from './live-tensors.js';

export interface BackboneSuiteOptions<Input> {
  /** Options of a network so small that the plain JavaScript backend runs it in a moment. */
  readonly options?: Input;
  /** Norms that it is built with; default all. A network with norms of its own names the one that comes nearest. */
  readonly norms?: readonly BackboneNorm['kind'][];
  readonly engine?: Engine;
  /** Milliseconds a test may take. */
  readonly timeout?: number;
}

const PATH = 'backbone.body';

/** Of millions of values, which take seconds to compare one by one. */
const fingerprintOf = (tensor: tf.Tensor): string => createHash('sha256').update(tensor.dataSync()).digest('hex');

/** The contract of backbones as a vitest suite: call it in a test file of the package that defines the backbone. */
export function testBackbone<Options, Input>(
  usable: Usable<BackboneDefinition<Options>, Input>,
  {
    options: given,
    norms = ['frozen', 'live', 'eval', 'group'],
    engine = cpu(),
    timeout = 60_000,
  }: BackboneSuiteOptions<Input> = {},
): void {
  const definition = usable.definition as unknown as BackboneDefinition;
  const parts = definition.trainableLayers;
  const create = (seed = 1) =>
    definition.create(parseOptions(definition.options, given ?? {}, definition.name), {
      path: PATH,
      seed,
      norm: { kind: norms[0]!, epsilon: 1e-5, momentum: 0.1 },
    });
  const build = (kind = norms[0]!, trainableLayers = parts, most = Infinity): PrunedBackbone => {
    const options = parseOptions(definition.options, given ?? {}, definition.name);
    const probe = create();
    const strides = probe.stages.map(({ stride }) => stride).filter((stride) => stride <= most);
    layerVariables(probe.layers).forEach(({ variable }) => variable.dispose());
    return buildBackbone(
      { definition, options },
      { path: PATH, seed: 1, norm: { kind, epsilon: 1e-5 }, trainableLayers, strides },
    );
  };
  const free = ({ layers }: Pick<PrunedBackbone, 'layers'>): void =>
    layerVariables(layers).forEach(({ variable }) => variable.dispose());
  const run = ({ images, read }: PrunedBackbone, x: tf.Tensor4D, training = false) => {
    const context: RunContext = { training, updates: [] };
    const outputs = compileGraph(
      [images],
      read.map(({ output }) => output),
    ).run([x], context) as tf.Tensor4D[];
    return { outputs, updates: context.updates };
  };

  describe(`the backbone ${definition.name}`, { timeout }, () => {
    beforeAll(async () => void (await engine.start()), timeout);
    const pictures = (height: number, width: number): tf.Tensor4D =>
      tf.randomNormal([2, height, width, 3], 0, 1, 'float32', 1);

    it('refuses an option that it does not know', () => {
      expect(() => parseOptions(definition.options, { ...given, 'no such option': 1 }, definition.name)).toThrow(
        expect.objectContaining({
          code: 'CONFIG_INVALID',
          message: expect.stringContaining('no such option'),
        }) as Error,
      );
    });

    it('has variables under the path that it is given, the same in two instances of one process', () => {
      const [a, b] = [create(), create()];
      const told = ({ layers }: typeof a) =>
        layerVariables(layers).map(({ path, variable }) => [path, variable.shape, fingerprintOf(variable)]);
      const paths = layerVariables(a.layers).map(({ path }) => path);
      expect(paths.length).toBeGreaterThan(0);
      expect(new Set(paths).size).toBe(paths.length);
      for (const path of paths) expect(path.startsWith(`${PATH}.`), path).toBe(true);
      expect(told(b), 'the same seed gives the same weights').toEqual(told(a));
      [a, b].forEach(free);
    });

    it('lists every layer with weights that its stages need', () => {
      const whole = create();
      const names = new Set(whole.layers.map(({ name }) => name));
      const visit = (tensor: Backbone['images'], seen: Set<object>): void => {
        if (seen.has(tensor)) return;
        seen.add(tensor);
        const { name, weights } = tensor.sourceLayer;
        expect(weights.length === 0 || names.has(name), `${name} is among the layers`).toBe(true);
        tensor.inputs?.forEach((input) => visit(input, seen));
      };
      const seen = new Set<object>();
      whole.stages.forEach(({ output }) => visit(output, seen));
      expect(seen.has(whole.images), 'the stages are computed from the images').toBe(true);
      free(whole);
    });

    it('has one stage a stride, finest first, named under its path', () => {
      const whole = create();
      const strides = whole.stages.map(({ stride }) => stride);
      expect(strides.length).toBeGreaterThan(0);
      expect(strides).toEqual([...new Set(strides)].sort((a, b) => a - b));
      for (const stride of strides) expect(Number.isInteger(Math.log2(stride)), `stride ${stride}`).toBe(true);
      const names = whole.stages.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      for (const name of names) expect(name.startsWith(`${PATH}.`), name).toBe(true);
      free(whole);
    });

    it.each([
      [64, 64],
      [72, 104],
    ])('gives every stage with the stride and the channels that it declares, at %i x %i', (height, width) => {
      const backbone = build();
      const x = pictures(height, width);
      const { outputs } = run(backbone, x);
      backbone.read.forEach(({ name, stride, channels }, i) =>
        expect([name, ...outputs[i]!.shape]).toEqual([
          name,
          2,
          Math.ceil(height / stride),
          Math.ceil(width / stride),
          channels,
        ]),
      );
      tf.dispose([x, outputs]);
      free(backbone);
    });

    it('thaws part after part: none with 0, all that can train with the most', () => {
      const whole = create();
      expect(whole.parts, 'as many parts as `trainableLayers` of the definition says').toHaveLength(parts);
      const layers = whole.layers.map(({ name }) => name);
      for (const part of whole.parts.flat())
        expect(
          layers.some((name) => name === `${PATH}.${part}` || name.startsWith(`${PATH}.${part}.`)),
          `a layer of the part ${part}`,
        ).toBe(true);
      free(whole);
      const counts = Array.from({ length: parts + 1 }, (_, n) => {
        const backbone = build(norms[0], n);
        const count = layerVariables(backbone.layers).filter(({ trainable }) => trainable).length;
        free(backbone);
        return count;
      });
      expect(counts[0], 'variables that train though no part does').toBe(0);
      counts.slice(1).forEach((count, n) => expect(count, `with ${n + 1} parts`).toBeGreaterThan(counts[n]!));
    });

    it('drops what lies above the coarsest stage that is read', () => {
      const [all, cut] = [build(), build(norms[0], parts, create().stages[0]!.stride)];
      expect(cut.layers.length).toBeLessThanOrEqual(all.layers.length);
      expect(cut.stages.map(({ name }) => name)).toEqual([all.stages[0]!.name]);
      const x = pictures(64, 64);
      const [a, b] = [run(all, x), run(cut, x)];
      expect(valuesOf(b.outputs[0]!)).toEqual(valuesOf(a.outputs[0]!));
      tf.dispose([x, a.outputs, b.outputs]);
      [all, cut].forEach(free);
    });

    describe.each(norms)('with the norm "%s"', (kind) => {
      it('assigns no variable in a forward pass, and updates nothing outside of training', () => {
        const backbone = build(kind);
        const variables = layerVariables(backbone.layers);
        const values = () => variables.map(({ path, variable }) => [path, fingerprintOf(variable)]);
        const before = values();
        const x = pictures(64, 64);
        for (const training of [true, false]) {
          const { outputs, updates } = run(backbone, x, training);
          expect(updates.length > 0).toBe(training && kind === 'live');
          for (const output of outputs) expect(valuesOf(output).every(Number.isFinite)).toBe(true);
          tf.dispose([outputs, updates.map(({ value }) => value)]);
        }
        expect(values()).toEqual(before);
        x.dispose();
        free(backbone);
      });

      it('hands a finite gradient to every variable that trains, and frees everything', () => {
        const x = pictures(64, 64);
        const left = tensorsAfter(() => {
          const backbone = build(kind);
          const variables = layerVariables(backbone.layers).filter(({ trainable }) => trainable);
          const { grads, value } = tf.variableGrads(
            () => {
              const { outputs, updates } = run(backbone, x, true);
              tf.dispose(updates.map(({ value }) => value));
              return tf.addN(outputs.map((output) => tf.mean(tf.square(output)))) as tf.Scalar;
            },
            variables.map(({ variable }) => variable),
          );
          const gradients = variables.map(({ path, variable }) => ({ path, values: valuesOf(grads[variable.name]!) }));
          for (const { path, values } of gradients) expect(values.every(Number.isFinite), path).toBe(true);
          const moved = gradients.filter(({ values }) => values.some((one) => one !== 0));
          expect(moved.length, 'variables whose gradient is not all zero').toBeGreaterThan(gradients.length / 2);
          tf.dispose([value, Object.values(grads)]);
          free(backbone);
        });
        expect(left).toBe(0);
        x.dispose();
      });
    });

    it('initialises from the seed: another seed, other weights', () => {
      const [a, b] = [create(1), create(2)];
      const values = ({ layers }: typeof a) => layerVariables(layers).map(({ variable }) => fingerprintOf(variable));
      expect(values(b)).not.toEqual(values(a));
      [a, b].forEach(free);
    });
  });
}
