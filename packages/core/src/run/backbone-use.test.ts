import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defineBackbone, defineDetector } from '../define.js';
import type { DetectorDefinition } from '../contract/detector.js';
import type { BackboneDefinition } from '../contract/backbone.js';
import { parseOptions } from '../options.js';
import * as v from 'valibot';
import { backboneUse, withBackbone, withBackboneNamed } from './backbone-use.js';

const never = (): never => {
  throw new Error('nothing is created here');
};
const own = defineBackbone({
  name: 'own',
  apiVersion: 1,
  options: v.strictObject({}),
  trainableLayers: 1,
  create: never,
}).definition as BackboneDefinition;
const detector = defineDetector({
  name: 'detector',
  apiVersion: 1,
  options: v.looseObject({}),
  backbones: [own],
  create: never,
}).definition as DetectorDefinition;

let project: string;
beforeEach(async () => void (project = await mkdtemp(join(tmpdir(), 'kd-backbones-'))));
afterEach(() => rm(project, { recursive: true }));

/** A package that declares the backbone "tiny", direct dependency or not. */
async function install(key: string, direct = true): Promise<void> {
  const folder = join(project, 'node_modules', key);
  await mkdir(folder, { recursive: true });
  const kd = { kind: 'backbone', name: 'tiny', apiVersion: 1, export: 'tiny' };
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: key, version: '1.0.0', type: 'module', exports: './index.js', kd }),
  );
  await writeFile(
    join(folder, 'index.js'),
    `export const tiny = { definition: { kind: 'backbone', name: 'tiny', apiVersion: 1, options: { '~standard': { validate: () => {} } }, trainableLayers: 0, create: () => {}, from: '${key}' } };`,
  );
  await writeFile(
    join(project, 'package.json'),
    JSON.stringify({ name: 'project', dependencies: direct ? { [key]: '*' } : {} }),
  );
}
const resolved = async (backbone: unknown, namedBy?: string) =>
  backboneUse(
    (await withBackbone({ definition: detector, options: { depth: 2, backbone } }, project, namedBy)).options,
  );

describe('the name of a backbone', () => {
  it('is one that the detector brings, or one that a package declares, with options', async () => {
    await install('acme');
    expect(await resolved('own')).toEqual({ definition: own, options: {} });
    expect(await resolved(['own', { a: 1 }])).toEqual({ definition: own, options: { a: 1 } });
    for (const namedBy of [undefined, 'config.json'])
      expect(await resolved(['tiny', { width: 0.5 }], namedBy)).toMatchObject({
        definition: { from: 'acme' },
        options: { width: 0.5 },
      });
  });

  it('out of a file is never a path, nor a package that nobody declares', async () => {
    await install('acme', false);
    for (const name of ['tiny', 'acme', './node_modules/acme/index.js', join(project, 'node_modules/acme/index.js')])
      await expect(resolved(name, 'config.json')).rejects.toMatchObject({ code: 'PLUGIN_NOT_FOUND' });
  });

  it('that nobody has is told with those that there are', async () => {
    await install('acme');
    await expect(resolved('ow')).rejects.toThrow(
      `no backbone named "ow" is installed for ${project}; did you mean "own"? Installed: own, tiny.`,
    );
  });

  it('stands for a definition that is there already, installed or not', async () => {
    const known = { ...own, name: 'known' };
    const use = { definition: detector, options: { backbone: 'known' } };
    expect(backboneUse((await withBackbone(use, project, 'best.safetensors', [known])).options)?.definition).toBe(
      known,
    );
  });

  it('is left to a detector that says nothing of backbones, as is what is no name', async () => {
    const { backbones: _, ...without } = detector;
    const use = { definition: without, options: { backbone: 'vgg' } };
    expect(await withBackbone(use, project)).toBe(use);
    for (const given of [undefined, 3, ['own', 3], ['own', {}, {}], { block: 'basic' }])
      expect(await resolved(given)).toBeUndefined();
  });
});

it('is written with its options, where it has any', () => {
  const use = { definition: own, options: { width: 0.5 } };
  expect(withBackboneNamed({ depth: 2, backbone: use })).toEqual({ depth: 2, backbone: ['own', { width: 0.5 }] });
  expect(withBackboneNamed({ backbone: { ...use, options: {} } })).toEqual({ backbone: 'own' });
  expect(withBackboneNamed({ backbone: 'own' })).toEqual({ backbone: 'own' });
  expect(parseOptions(own.options, {}, 'own')).toEqual({});
});
