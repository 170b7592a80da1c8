import {
  type DetectorDefinition,
  detectorTensors,
  type Engine,
  type HostBatch,
  type HostTensor,
  loadDetector,
  parseOptions,
  type PluginDefinition,
  type Usable,
  type Use,
} from '@kd/core';
import { deviceBatch, disposeAll, computeStep } from '@kd/core';
import { cpu } from '@kd/engine-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { valuesOf, withMember } from './detector-step.js';
import { type Distillation, distillation } from './distillation.js';
import { hostReads } from './host-reads.js';
import { tensorsAfter } from './live-tensors.js';
import { neighbour } from './neighbour.js';
import { toyBatch, withoutObjects } from './toy-batch.js';
import { toyDetector } from './toy-detector.js';

export interface PluginSuiteOptions<Input> {
  readonly options?: Input;
  /** Detectors that offer what the plugin requires; by default toys of the same width. */
  readonly student?: Use<DetectorDefinition>;
  readonly teacher?: Use<DetectorDefinition>;
  /** False for a plugin that cannot stand twice in a run, because it fills the weight channel, say. */
  readonly twice?: boolean;
  /** False for a plugin that reads predictions alone. */
  readonly taps?: boolean;
  readonly engine?: Engine;
  /** Milliseconds a test may take. */
  readonly timeout?: number;
}

/** The contract of distillers as a vitest suite: call it in a test file of the package that defines the plugin. */
export function testPlugin<Options, Input>(
  usable: Usable<PluginDefinition<Options>, Input>,
  suite: PluginSuiteOptions<Input> = {},
): void {
  const { options, twice = true, taps = true, engine = cpu(), timeout = 60_000 } = suite;
  const definition = usable.definition as unknown as PluginDefinition;
  const own: Use<PluginDefinition> = { definition, options: options ?? {} };
  const plain = toyDetector() as Use<DetectorDefinition>;
  const { student = plain, teacher = plain } = suite;
  const { name } = definition;

  describe(`the distiller ${name}`, { timeout }, () => {
    let batch: HostBatch;
    const open: Distillation[] = [];
    const start = async (...plugins: readonly Use<PluginDefinition>[]): Promise<Distillation> => {
      const started = await distillation({ plugins, student, teacher, engine });
      open.push(started);
      return started;
    };
    const close = async (): Promise<void> => {
      for (const one of open.splice(0)) await one.dispose();
    };
    const ownTerms = (terms: Readonly<Record<string, number>>, id = name): [string, number][] =>
      Object.entries(terms).filter(([term]) => term.startsWith(`${id}.`));

    beforeAll(async () => {
      await engine.start();
      const { student: detector } = await start();
      batch = await toyBatch(detector);
      await close();
    }, timeout);
    afterEach(close);

    it('refuses an option that it does not know', () => {
      expect(() => parseOptions(definition.options, { ...options, 'no such option': 1 }, name)).toThrow(
        expect.objectContaining({
          code: 'CONFIG_INVALID',
          message: expect.stringContaining('no such option'),
        }) as Error,
      );
    });

    it('asks for taps that both models have, before the first step', async () => {
      const { models } = await start(own);
      for (const role of ['student', 'teacher'] as const) {
        const known = models[role]!.taps.map((tap) => tap.name);
        for (const tap of models.taps[role]) expect(known).toContain(tap);
      }
      expect([...models.taps.student, ...models.taps.teacher].length > 0).toBe(taps);
    });

    it.each([
      ['as they are', (of: HostBatch) => of],
      ['with padding alone', (of: HostBatch) => withoutObjects(of, 2)],
      ['with no row at all', (of: HostBatch) => withoutObjects(of, 0)],
    ])('gives finite scalar terms under its name, objects %s', async (_, change) => {
      const run = await start(own);
      const terms = ownTerms(run.step(change(batch), 0));
      expect(terms.length).toBeGreaterThan(0);
      for (const [term, value] of terms) expect(Number.isFinite(value), term).toBe(true);
      for (const [path, values] of Object.entries(run.values()))
        expect(values.every(Number.isFinite), `${path} after the step`).toBe(true);
    });

    it('teaches the student, and leaves the teacher as it is', async () => {
      const run = await start(own);
      const before = run.teacher.variables.map(({ variable }) => valuesOf(variable));
      const onDevice = deviceBatch(batch);
      // Without the detector's own terms, every gradient is the plugin's.
      const alone = { ...run.models, student: withMember(run.models.student, 'terms', () => ({ none: tf.scalar(0) })) };
      const { terms, gradients, updates } = computeStep(alone, onDevice.images, onDevice.targets, run.progress(0));
      const moved = [...gradients]
        .filter(([, gradient]) => valuesOf(gradient).some((value) => value !== 0))
        .map(([path]) => path);
      expect(
        moved.some((path) => path.startsWith('student/')),
        `some variable of the student has a gradient; those that do: ${moved.join(', ')}`,
      ).toBe(true);
      for (const [path, gradient] of gradients) expect(valuesOf(gradient).every(Number.isFinite), path).toBe(true);
      tf.dispose([terms, ...gradients.values(), ...updates.map(({ value }) => value)]);
      disposeAll(onDevice);
      [0, 1].forEach((at) => run.step(batch, at));
      expect(run.teacher.variables.map(({ variable }) => valuesOf(variable))).toEqual(before);
    });

    it('reads no tensor on the host in a step', async () => {
      const run = await start(own);
      const onDevice = deviceBatch(batch);
      const { result, reads } = hostReads(() =>
        computeStep(run.models, onDevice.images, onDevice.targets, run.progress(0)),
      );
      disposeAll([onDevice, result.terms, ...result.gradients.values(), result.updates.map(({ value }) => value)]);
      expect(reads).toEqual([]);
    });

    it('keeps the number of live tensors over steps, and frees everything at the end', async () => {
      const before = tf.memory().numTensors;
      const run = await start(own);
      run.step(batch, 0);
      expect(tensorsAfter(() => [1, 2].forEach((at) => run.step(batch, at)))).toBe(0);
      await close();
      expect(tf.memory().numTensors).toBe(before);
    });

    it('gives the same numbers twice', async () => {
      const [a, b] = [await start(own), await start(own)];
      for (const at of [0, 1]) expect(b.step(batch, at)).toEqual(a.step(batch, at));
      expect(b.values()).toEqual(a.values());
    });

    it('goes on from its state as if it had not stopped', async () => {
      const [whole, resumed] = [await start(own), await start(own)];
      whole.step(batch, 0);
      await copyState(whole, resumed);
      for (const at of [1, 2]) expect(resumed.step(batch, at)).toEqual(whole.step(batch, at));
    });

    it('does not change what a plugin beside it gives, nor is it changed', async () => {
      const beside = { ...neighbour(), as: 'beside' };
      const [alone, before, after] = [await start(own), await start(own, beside), await start(beside, own)];
      const [own0, terms, turned] = [alone.step(batch, 0), before.step(batch, 0), after.step(batch, 0)];
      expect(ownTerms(terms)).toEqual(ownTerms(own0));
      expect(ownTerms(turned)).toEqual(ownTerms(own0));
      expect(ownTerms(turned, 'beside')).toEqual(ownTerms(terms, 'beside'));
    });

    it.runIf(twice)('may stand twice in a run under two ids', async () => {
      const run = await start(own, { ...own, as: 'second' });
      const terms = run.step(batch, 0);
      expect(ownTerms(terms, 'second').map(([term]) => term.slice('second.'.length))).toEqual(
        ownTerms(terms).map(([term]) => term.slice(name.length + 1)),
      );
    });
  });
}

/** What a checkpoint would carry from one run to another. */
async function copyState(from: Distillation, to: Distillation): Promise<void> {
  const weights = await detectorTensors(from.student);
  loadDetector(
    to.student,
    new Map([...weights].map(([path, value]): [string, HostTensor] => [path.slice('student/'.length), value])),
    'the state',
  );
  for (const [i, { variables, hooks }] of from.distillers.entries()) {
    variables.forEach(({ variable }, j) => to.distillers[i]!.variables[j]!.variable.assign(variable));
    to.distillers[i]!.hooks.restore?.((await hooks.state?.()) ?? new Map());
  }
  // Slots of optimisers: those of a plugin's own have some.
  to.updater.restore(await from.updater.state(), 'the state');
}
