// Methods on every kind of detector, as docs/methods.md has it: compiled, beside op by op. All methods on all kinds
// train op by op in kernels.test.ts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, importByName, readManifests, silentLogger, type TrainerEvent } from '@kd/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { namedEngine } from '../named-engine.js';
import { root, temporaryFolder } from './kd.js';
import { compiledOn, KINDS, kinds, methodsOf, nameOf, table, withOptions, words } from './tiny-detectors.js';
import { logsOf, picturesFor, trainTiny } from './train-tiny.js';

it('knows every distiller and every detector that is here', async () => {
  const { declared } = await readManifests(root);
  const named = (kind: string): string[] => declared.filter((one) => one.kind === kind).map(({ name }) => name);
  expect(table.map(([method]) => nameOf(method!)).sort()).toEqual(named('distiller').sort());
  expect([...kinds].sort()).toEqual(named('detector').sort());
  expect(Object.keys(KINDS)).toEqual(kinds);
});

it('reads the weights of instances where the page of @kd/plugin-prototype says so, and is told not to by one option', async () => {
  const page = readFileSync(join(root, 'packages/plugin-prototype/README.md'), 'utf8');
  const said = page
    .split('\n')
    .map((line) => /^\| ((?:`[a-z]+`(?:, )?)+) \| (levels|response|levels; response|–) \|/.exec(line))
    .flatMap((row) =>
      row ? row[1]!.split(', ').map((name): [string, boolean] => [name.slice(1, -1), row[2] !== '–']) : [],
    );
  const takes = async (name: string): Promise<boolean> => {
    const { options } = await importByName('distiller', name, root);
    const result = await options['~standard'].validate({ instanceWeights: false });
    return result.issues === undefined;
  };
  const names = table.map(([method]) => nameOf(method!)).filter((name) => name !== 'prototype');
  const found = await Promise.all(names.map(async (name): Promise<[string, boolean]> => [name, await takes(name)]));
  expect(Object.fromEntries(said)).toEqual(Object.fromEntries(found));
});

it('compiles every method on a detector of each number of stages that it can teach', () => {
  for (const stages of [
    ['faster-rcnn', 'cascade-rcnn'],
    ['retinanet', 'fcos', 'atss', 'gfl'],
  ]) {
    const can = new Set(stages.flatMap((kind) => methodsOf(kind, true)));
    expect(stages.flatMap((kind) => compiledOn(kind)).sort()).toEqual([...can].sort());
  }
});

describe.each(Object.entries(KINDS))('on %s', (kind, model) => {
  const folder = temporaryFolder();
  const warnings: string[] = [];
  const run = async (
    out: string,
    more: Partial<Config>,
    options: Omit<Parameters<typeof trainTiny>[1], 'out'> = {},
  ): Promise<TrainerEvent[]> =>
    trainTiny(
      { engine: await namedEngine(), student: model(4), data: picturesFor(kind, 6), batchSize: 2, ...more },
      {
        out: join(folder, out),
        logger: { ...silentLogger, warn: (text) => void warnings.push(text) },
        ...options,
      },
    );
  beforeAll(async () => {
    // One step op by op takes less than to compile one.
    await run('teacher', { student: model(6), batchSize: 6, compile: false });
  });

  // To trace a step takes by far the longest: a method is compiled on one detector of those alike.
  const methods = compiledOn(kind);
  const taught = (): Partial<Config> => ({
    teacher: { weights: join(folder, 'teacher') },
    distillers: withOptions(kind, methods),
  });
  let events: TrainerEvent[];

  it('learns from methods of the page, compiled, beside weights of instances, with constant tensors', async () => {
    events = await run('student', taught());
    const logs = logsOf(events);
    expect(logs).toHaveLength(3);
    for (const { terms } of logs)
      for (const [name, value] of Object.entries(terms)) expect(Number.isFinite(value), `${name}: ${value}`).toBe(true);
    for (const method of methods) {
      const values = logs.flatMap(({ terms }) =>
        Object.entries(terms).flatMap(([name, value]) => (name.startsWith(`${method}.`) ? [value] : [])),
      );
      expect(Math.max(0, ...values), method).toBeGreaterThan(0);
    }
    expect(new Set(logs.slice(1).map(({ tensors }) => tensors)).size).toBe(1);
    expect(warnings.filter((text) => text.includes('cannot be compiled'))).toEqual([]);
  });

  it('learns the same op by op as compiled', async () => {
    const compiled = logsOf(events);
    // Two steps: the second begins where the update of the first left off.
    const controller = new AbortController();
    const onEvent = (event: TrainerEvent): void => {
      if (event.type === 'step' && event.step === 2) controller.abort();
    };
    const options = { signal: controller.signal, onEvent };
    const plain = logsOf(await run('plain', { ...taught(), compile: false }, options));
    expect(plain).toHaveLength(2);
    plain.forEach(({ terms }, i) => {
      expect(Object.keys(compiled[i]!.terms)).toEqual(Object.keys(terms));
      for (const [name, value] of Object.entries(terms)) {
        const off = Math.abs(compiled[i]!.terms[name]! - value) / Math.max(Math.abs(value), 1e-3);
        expect(off, `${name} at step ${i + 1}: ${value}, compiled ${compiled[i]!.terms[name]}`).toBeLessThan(1e-3);
      }
    });
  });

  it.each(methodsOf(kind, false))('is refused by %s before the first step, with the reason', async (method) => {
    const refused = run(`refused-${method}`, { teacher: { weights: join(folder, 'teacher') }, distillers: [method] });
    await expect(refused).rejects.toMatchObject({ code: 'PLUGIN_REQUIRES' });
    const { message } = (await refused.catch((error: unknown) => error)) as Error;
    for (const part of [method, kind, words.get(method)!]) expect(message).toContain(part);
  });
});
