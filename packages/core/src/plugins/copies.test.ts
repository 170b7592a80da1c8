import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { cpuEngine, toyDetector } from '@kd/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { plugin } from '../../test/distillation.js';
import { type Ran, removeFolders, run, toyConfig } from '../../test/toy-run.js';
import type { Config } from '../config.js';
import { isKdError, KdError } from '../errors.js';

const own = fileURLToPath(new URL('../..', import.meta.url));
let copy: string;
let other: typeof import('../index.js');
let teacher: Ran;

/** A second copy of this package, of another version, with the same TensorFlow.js. */
beforeAll(async () => {
  // Below node_modules, so that it finds what the first one does, and Node imports it as it is.
  const scratch = join(own, 'node_modules', '.kd-test');
  await mkdir(scratch, { recursive: true });
  copy = await mkdtemp(join(scratch, 'core-'));
  await cp(join(own, 'dist'), join(copy, 'dist'), { recursive: true });
  await writeFile(
    join(copy, 'package.json'),
    JSON.stringify({ ...(JSON.parse(await readFile(join(own, 'package.json'), 'utf8')) as object), version: '0.0.7' }),
  );
  other = (await import(pathToFileURL(join(copy, 'dist/index.js')).href)) as typeof import('../index.js');
  await cpuEngine().start();
  teacher = await run(toyConfig({ epochs: 1, seed: 5 }));
});
afterAll(() => Promise.all([removeFolders(), rm(copy, { recursive: true })]));

async function trained(...distillers: unknown[]): Promise<{ warnings: string[]; error: unknown }> {
  const warnings: string[] = [];
  const config = toyConfig({
    epochs: 1,
    teacher: { weights: teacher.out, detector: toyDetector({ size: 16 }) },
    distillers: distillers as Config['distillers'] & object,
  });
  const error: unknown = await run(config, {
    logger: { info: () => {}, warn: (message) => void warnings.push(message) },
  }).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return { warnings, error };
}

const strange = (name: string, lossCompose: () => Record<string, tf.Scalar>) =>
  other.definePlugin({
    name,
    apiVersion: 1,
    options: v.strictObject({}),
    requires: {},
    create: () => ({ lossCompose }),
  })();
const zero = () => ({ a: tf.scalar(0) });

describe('two copies of core', () => {
  it('are told once, with the plugins, versions, folders and the way out; the training goes on', async () => {
    const { warnings, error } = await trained(
      strange('one', zero),
      plugin('mine', () => ({ lossCompose: zero })),
      strange('two', zero),
    );
    expect(error).toBeNull();
    const { version } = JSON.parse(await readFile(join(own, 'package.json'), 'utf8')) as { version: string };
    expect(warnings).toEqual([
      expect.stringContaining('there are two copies of @kd/core: distiller "one", distiller "two" are made by 0.0.7'),
    ]);
    for (const part of [
      copy,
      `the trainer is ${version} in ${own}`,
      'pnpm why @kd/core',
      'pnpm dedupe',
      'peerDependencies',
    ])
      expect(warnings[0]).toContain(part);
  });

  it('are not seen where there is one, whether a definition was made by hand or by definePlugin', async () => {
    const use = plugin('mine', () => ({ lossCompose: zero }));
    expect((await trained(use)).warnings).toEqual([]);
    expect((await trained({ ...use, definition: { ...use.definition } })).warnings).toEqual([]);
  });

  it('know the errors of each other: a code is not lost', async () => {
    const thrown = new other.KdError('CONFIG_INVALID', 'no such level');
    expect([
      thrown instanceof KdError,
      isKdError(thrown),
      isKdError(new Error('x')),
      isKdError(Object.assign(new Error('x'), { name: 'KdError', code: 'NONE' })),
    ]).toEqual([false, true, false, false]);
    const { error } = await trained(
      strange('one', () => {
        throw thrown;
      }),
    );
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: 'one.lossCompose: no such level' });
  });

  it('agree on the services of a run', () => {
    expect([other.LOGGER, other.RUN_FOLDER]).toEqual([Symbol.for('@kd/core:Logger'), Symbol.for('@kd/core:RunFolder')]);
  });
});
