import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { removeFolders, temporaryFolder } from '../test/toy-run.js';
import { writeFileAtomic } from './atomic.js';
import { openRunFolder } from './run/run-folder.js';

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
