import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cpuEngine } from '@kd/testing';
import { disposeBuilt, distillation, plugin } from '../../test/distillation.js';
import { calls, mimic } from '../../test/mimic.js';
import { LOGGER, PLUGIN_OPTIONS, PLUGIN_SCOPE } from '../container.js';
import type { Hooks, PluginScope } from '../contract/plugin.js';

let tensors: number;
beforeAll(() => cpuEngine().start());
beforeEach(() => void (tensors = tf.memory().numTensors));
afterEach(() => {
  disposeBuilt();
  expect(tf.memory().numTensors, 'live tensors after the test').toBe(tensors);
});

describe('createDistillers', () => {
  it('names ids, variables and streams after the plugin, or after `as`', async () => {
    const { distillers, models } = await distillation([mimic({}), { ...mimic({ weight: 2 }), as: 'again' }]);
    expect(distillers.map(({ id, name }) => [id, name])).toEqual([
      ['mimic', 'mimic'],
      ['again', 'mimic'],
    ]);
    const own = models.variables.filter(({ path }) => path.startsWith('plugin/'));
    expect(own.map(({ path, lr }) => [path, lr])).toEqual([
      ['plugin/mimic/adapter', 0.5],
      ['plugin/again/adapter', 0.5],
    ]);
    expect([...own[0]!.variable.dataSync()]).not.toEqual([...own[1]!.variable.dataSync()]);
  });

  it('gives two runs of one seed the same initial values', async () => {
    const initial = async () => [...(await distillation([mimic({})])).distillers[0]!.variables[0]!.variable.dataSync()];
    expect(await initial()).toEqual(await initial());
  });

  const refused: [string, () => Parameters<typeof distillation>[0], string, RegExp][] = [
    [
      'the same plugin twice without `as`',
      () => [mimic({}), mimic({})],
      'CONFIG_INVALID',
      /"mimic" is there twice.*as: "mimic-2"/,
    ],
    [
      'an id that cannot name a file',
      () => [{ ...mimic({}), as: '../up' }],
      'CONFIG_INVALID',
      /"\.\.\/up" cannot be an id/,
    ],
    [
      'options that the plugin does not know',
      () => [mimic({ wieght: 1 } as never)],
      'CONFIG_INVALID',
      /distiller "mimic".*[^]*wieght/,
    ],
    [
      'another version of the contract',
      () => [plugin('p', () => ({}), { apiVersion: 2 })],
      'PLUGIN_INVALID',
      /plugin "p" is built for version 2.*speaks 1/,
    ],
    [
      'a capability that the student lacks',
      () => [plugin('p', () => ({}), { requires: { student: ['dense', 'roi.align'] } })],
      'PLUGIN_REQUIRES',
      /plugin "p" needs "roi\.align" of the student, but toy offers only dense, head\.staged/,
    ],
    [
      'a capability that the teacher lacks',
      () => [plugin('p', () => ({}), { requires: { teacher: ['roi.align'] } })],
      'PLUGIN_REQUIRES',
      /of the teacher/,
    ],
    [
      'create throws',
      () => [
        plugin('p', () => {
          throw new Error('oh');
        }),
      ],
      'PLUGIN_HOOK',
      /^p\.create threw: oh$/,
    ],
    [
      'an optimiser of its own without a rate',
      () => [
        plugin('p', (scope) => {
          scope.variables({ optimizer: { name: 'adamw' } as never });
          return {};
        }),
      ],
      'USAGE',
      /^p\.create: an optimiser of a plugin's own needs a rate, lr above 0; got undefined/,
    ],
    [
      'a norm of 0 for its own optimiser',
      () => [
        plugin('p', (scope) => {
          scope.variables({ optimizer: { name: 'sgd', lr: 1 }, clipNorm: 0 });
          return {};
        }),
      ],
      'USAGE',
      /^p\.create: clipNorm must be above 0, or null/,
    ],
    [
      'an optimiser of its own that there is not',
      () => [
        plugin('p', (scope) => {
          scope.variables({ optimizer: { name: 'lion', lr: 1 } as never });
          return {};
        }),
      ],
      'USAGE',
      /^p\.create: there is no optimiser "lion"/,
    ],
    ['create returns a promise', () => [plugin('p', async () => ({}))], 'PLUGIN_HOOK', /^p\.create returned a promise/],
    [
      'create returns nothing',
      () => [plugin('p', () => undefined)],
      'PLUGIN_HOOK',
      /^p\.create returned undefined; it must return an object of hooks/,
    ],
    [
      'a misspelt hook',
      () => [plugin('p', () => ({ lossCompos: () => ({}) }))],
      'PLUGIN_HOOK',
      /the hook "lossCompos", which does not exist; did you mean "lossCompose"\?/,
    ],
    [
      'a hook that is no function',
      () => [plugin('p', () => ({ lossCompose: 5 }))],
      'PLUGIN_HOOK',
      /^p\.lossCompose must be a function; got number/,
    ],
    [
      'featureTap throws',
      () => [
        plugin('p', () => ({
          featureTap: () => {
            throw new Error('oh');
          },
        })),
      ],
      'PLUGIN_HOOK',
      /^p\.featureTap threw: oh$/,
    ],
    [
      'a tap that does not exist',
      () => [plugin('p', () => ({ featureTap: (taps) => void taps.pair('nekc@p3') }) satisfies Hooks)],
      'TAP_UNKNOWN',
      /did you mean "neck@p3"/,
    ],
    [
      'two variables of one name',
      () => [
        plugin('p', (scope) => ({
          featureTap: () => ['a', 'a'].forEach((name) => scope.variable(name, tf.scalar(1))),
        })),
      ],
      'PLUGIN_HOOK',
      /^p: two variables are named "a"/,
    ],
  ];
  it.each(refused)('refuses %s, and leaves no variable behind', async (_, uses, code, message) => {
    const before = tf.memory().numTensors;
    const failed = distillation([
      plugin('before', (scope) => ({ featureTap: () => void scope.variable('v', tf.scalar(1)) })),
      ...uses(),
    ]);
    await expect(failed).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    disposeBuilt();
    // The initial value of the second variable of one name stays the plugin's.
    expect(tf.memory().numTensors - before).toBe(/two variables/.test(message.source) ? 1 : 0);
    if (/two variables/.test(message.source)) tensors++;
  });

  it('refuses a variable after featureTap', async () => {
    let scope: PluginScope | undefined;
    await distillation([plugin('late', (given) => ((scope = given), {}))]);
    const initial = tf.scalar(1);
    expect(() => scope!.variable('v', initial)).toThrow(/^late: variable "v" was asked for after featureTap/);
    initial.dispose();
  });

  it('gives each plugin the services of the run and its own scope and options, and the run neither of them', async () => {
    const seen: unknown[] = [];
    const use = plugin('p', (scope) => {
      seen.push(
        scope.resolve(LOGGER) === scope.logger,
        scope.resolve(PLUGIN_SCOPE) === scope,
        scope.resolve(PLUGIN_OPTIONS),
      );
      return {};
    });
    const { services } = await distillation([use]);
    expect(seen).toEqual([true, true, {}]);
    expect(() => services.resolve(PLUGIN_SCOPE)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it('disposes the plugins made before one that fails', async () => {
    calls.length = 0;
    await expect(
      distillation([
        mimic({}),
        plugin('p', () => {
          throw new Error('oh');
        }),
      ]),
    ).rejects.toThrow();
    expect(calls).toEqual(['dispose mimic']);
  });
});
