import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { removeFolders, temporaryFolder } from '../../../test/toy-run.js';
import { removeLeftovers, temporaryName, writeFileAtomic } from './atomic.js';
import { isAlive, OWN_IDENTITY } from './process-identity.js';
import { openRunFolder } from '../../run/run-folder.js';

afterAll(removeFolders);

describe('writeFileAtomic', () => {
  it('makes the folder, replaces the content and leaves nothing beside it', async () => {
    const folder = join(await temporaryFolder(), 'a', 'b');
    await writeFileAtomic(join(folder, 'x'), 'one');
    await writeFileAtomic(join(folder, 'x'), Uint8Array.of(116, 119, 111));
    expect(await readFile(join(folder, 'x'), 'utf8')).toBe('two');
    expect(await readdir(folder)).toEqual(['x']);
  });

  it('leaves no temporary file when it fails, and names the file', async () => {
    const folder = await temporaryFolder();
    // A folder cannot be replaced by a file.
    await mkdir(join(folder, 'x'));
    await writeFile(join(folder, 'x', 'inside'), '');
    await expect(writeFileAtomic(join(folder, 'x'), 'one')).rejects.toMatchObject({
      code: 'FILE_WRITE',
      message: expect.stringContaining(`${join(folder, 'x')} could not be written`),
    });
    expect(await readdir(folder)).toEqual(['x']);
  });

  it('keeps the content of each of many writers whole', async () => {
    const file = join(await temporaryFolder(), 'x');
    await Promise.all(['a', 'b', 'c'].map((letter) => writeFileAtomic(file, letter.repeat(100_000))));
    expect(new Set(await readFile(file, 'utf8')).size).toBe(1);
  });
});

describe('removeLeftovers', () => {
  it('removes the temporary files of processes that have ended, in every folder, and nothing else', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'checkpoints'));
    const own = temporaryName(join(folder, 'checkpoints', 'a.json'));
    // The number of a living process, of which an earlier one had it.
    const earlier = own.replace(OWN_IDENTITY, `${process.pid}-1`);
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const ended = join(folder, `.summary.json.${pid}-12345.0123abcd.tmp`);
    const others = ['.hidden.tmp', 'a.tmp', '.x.12-1.0123abcd.tmp.txt'].map((name) => join(folder, name));
    for (const file of [own, earlier, ended, ...others]) await writeFile(file, '');
    expect((await removeLeftovers(folder)).sort()).toEqual([earlier, ended].sort());
    expect((await readdir(folder)).sort()).toEqual([...others.map((file) => basename(file)), 'checkpoints'].sort());
    expect(await readdir(join(folder, 'checkpoints'))).toEqual([basename(own)]);
  });

  it('knows the living: this process, and not one that is gone', () => {
    expect(isAlive(OWN_IDENTITY)).toBe(true);
    expect(isAlive(`${process.pid}-1`)).toBe(false);
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    expect(isAlive(`${pid}-${OWN_IDENTITY.split('-')[1]}`)).toBe(false);
  });
});

describe('openRunFolder', () => {
  it('reads back what it wrote, appends metrics, and tells a missing file', async () => {
    const folder = await openRunFolder(join(await temporaryFolder(), 'run'));
    await folder.writeJson('a.json', { b: [1] });
    expect(await folder.readJson('a.json')).toEqual({ b: [1] });
    await folder.appendMetrics({ step: 1 });
    await folder.appendMetrics({ step: 2 });
    expect(await readFile(folder.file('metrics.jsonl'), 'utf8')).toBe('{"step":1}\n{"step":2}\n');
    await expect(folder.readJson('none.json')).rejects.toMatchObject({ code: 'RUN_FOLDER' });
  });

  it('names a folder that cannot be made', async () => {
    const blocked = join(await temporaryFolder(), 'file');
    await writeFile(blocked, '');
    await expect(openRunFolder(join(blocked, 'run'))).rejects.toMatchObject({
      code: 'RUN_FOLDER',
      message: expect.stringContaining(blocked),
    });
  });
});
