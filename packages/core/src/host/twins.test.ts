import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeFileAtomic } from './browser/atomic.js';
import { importByName } from './browser/discovery.js';
import { appendText, exists, namesIn, remove, temporaryFolder } from './browser/files.js';
import * as paths from './browser/paths.js';
import { checkRegularFile, isFolder, readRegularFile, readRegularText } from './browser/regular-file.js';
import { sha256 } from './browser/sha256.js';
import type * as nodeAtomic from './node/atomic.js';
import type * as nodeDiscovery from './node/discovery.js';
import type * as nodeFiles from './node/files.js';
import type * as nodeMemory from './node/memory.js';
import type * as nodeRegular from './node/regular-file.js';
import type * as nodeRunLock from './node/run-lock.js';

/** What a twin exports fits where that of Node is asked for; Node's may export more. */
type Fits<Twin extends Pick<Node, keyof Twin & keyof Node>, Node> = Twin;
export type Checked = [
  Fits<typeof import('./browser/atomic.js'), typeof nodeAtomic>,
  Fits<typeof import('./browser/discovery.js'), typeof nodeDiscovery>,
  Fits<typeof import('./browser/files.js'), typeof nodeFiles>,
  Fits<typeof import('./browser/memory.js'), typeof nodeMemory>,
  Fits<typeof paths, typeof posix>,
  Fits<Omit<typeof import('./browser/regular-file.js'), 'readRegularFile'>, typeof nodeRegular>,
  Fits<typeof import('./browser/run-lock.js'), typeof nodeRunLock>,
];

describe('paths of a page', () => {
  const part = fc
    .array(fc.constantFrom('a', 'b.c', '.', '..', '', '/'), { maxLength: 6 })
    .map((some) => some.join('/'));

  it('are those of POSIX', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), (parts) => {
        expect(paths.resolve('/', ...parts)).toBe(posix.resolve('/', ...parts));
        expect(paths.join(...parts).replace(/(?<=.)\/$/, '')).toBe(posix.join(...parts).replace(/(?<=.)\/$/, ''));
        for (const one of parts.filter((path) => !path.includes('//')))
          expect([paths.basename(one), paths.dirname(one), paths.isAbsolute(one)], one).toEqual([
            posix.basename(one),
            posix.dirname(one),
            posix.isAbsolute(one),
          ]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('files of a page', () => {
  it('are written whole, read as copies, listed and removed', async () => {
    const folder = await temporaryFolder('kd-');
    expect([exists(folder), await namesIn(folder)]).toEqual([false, []]);
    const bytes = Uint8Array.of(1, 2);
    await writeFileAtomic(`${folder}/a/x`, bytes);
    bytes[0] = 9;
    const read = await readRegularFile(`${folder}/a/x`);
    read[1] = 9;
    expect([...(await readRegularFile(`${folder}/a/../a/x`))]).toEqual([1, 2]);
    await appendText(`${folder}/log`, 'one\n');
    await appendText(`${folder}/log`, 'two\n');
    expect(await readRegularText(`${folder}/log`)).toBe('one\ntwo\n');
    expect((await namesIn(folder)).sort()).toEqual(['a', 'log']);
    expect([await isFolder(`${folder}/a`), await isFolder(`${folder}/log`), exists(folder)]).toEqual([
      true,
      false,
      true,
    ]);
    expect(await checkRegularFile(`${folder}/log`)).toBe(8);
    await expect(checkRegularFile(`${folder}/a`)).rejects.toThrow('it is a folder, where a file is wanted');
    await expect(readRegularFile(`${folder}/b`)).rejects.toMatchObject({
      code: 'ENOENT',
      message: expect.stringMatching(/the memory of this page has no file .*writeFileAtomic/) as string,
    });
    await remove(`${folder}/a`);
    expect(await namesIn(folder)).toEqual(['log']);
    await remove(folder);
    expect(exists(folder)).toBe(false);
  });
});

it('hashes as Node does', () => {
  fc.assert(
    fc.property(fc.string(), fc.uint8Array({ maxLength: 200 }), (text, bytes) => {
      expect(sha256().update(text).update(bytes).digest()).toBe(
        createHash('sha256').update(text).update(bytes).digest('hex'),
      );
    }),
  );
});

it.each([
  [
    'detector',
    'retinanet',
    undefined,
    /no detector is found by its name "retinanet": import it, of @kd\/detector-retinanet, and write/,
  ],
  ['detector', 'mine', 'a.safetensors', /its name "mine", as a\.safetensors names it,: import it and write what/],
  [
    'engine',
    'tensorflow',
    undefined,
    /no engine is found by its name: import the one of @kd\/engine-wasm, say, and write engine/,
  ],
] as const)('a page that names the %s "%s" is told to import it', async (kind, name, namedBy, told) => {
  await expect(importByName(kind, name, '.', namedBy)).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringMatching(told) as string,
  });
});

it('every twin for browsers has one for Node', () => {
  const names = (of: string): string[] => readdirSync(fileURLToPath(new URL(of, import.meta.url)));
  const alone = names('./browser').filter((name) => !names('./node').includes(name));
  expect(alone).toEqual(['memory-files.ts']);
});
