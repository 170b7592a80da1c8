import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { refuseTaken, writeExported } from './write-exported.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kd-write-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a file, and a folder with others below it; nothing else is left', async () => {
  await refuseTaken(join(folder, 'new', 'a.onnx'));
  expect(await writeExported(join(folder, 'a.onnx'), Uint8Array.of(1, 2, 3))).toBe(3);
  const files = new Map<string, Uint8Array | string>([
    ['model.json', '{"é":1}'],
    ['shards/1.bin', Uint8Array.of(4)],
  ]);
  expect(await writeExported(join(folder, 'web'), files)).toBe(9);
  expect(readdirSync(folder).sort()).toEqual(['a.onnx', 'web']);
  expect(readFileSync(join(folder, 'web', 'model.json'), 'utf8')).toBe('{"é":1}');
  expect([...readFileSync(join(folder, 'web', 'shards', '1.bin'))]).toEqual([4]);
});

test('an empty folder is taken, one with something in it, a file and a link to nothing are not', async () => {
  const [empty, full] = [join(folder, 'empty'), join(folder, 'full')];
  mkdirSync(empty);
  mkdirSync(full);
  writeFileSync(join(full, 'kept'), 'x');
  await refuseTaken(empty);
  await writeExported(empty, new Map([['a', 'b']]));
  expect(readdirSync(empty)).toEqual(['a']);
  await expect(refuseTaken(full)).rejects.toMatchObject({ code: 'USAGE', message: /is not empty/ });
  symlinkSync('nothing', join(folder, 'link'));
  for (const taken of [join(full, 'kept'), join(folder, 'link')])
    await expect(refuseTaken(taken)).rejects.toMatchObject({ code: 'USAGE', message: /is there already/ });
});

test('what fails leaves nothing', async () => {
  const files = new Map([
    ['a', 'x'],
    ['a/b', 'y'],
  ]);
  await expect(writeExported(join(folder, 'web'), files)).rejects.toMatchObject({ code: 'FILE_WRITE' });
  expect(readdirSync(folder)).toEqual([]);
  mkdirSync(join(folder, 'taken'));
  await expect(writeExported(join(folder, 'taken'), Uint8Array.of(1))).rejects.toMatchObject({ code: 'USAGE' });
});

test('a process that ends in the middle, by Ctrl-C say, leaves nothing', () => {
  const script = `
    import { writeExported } from ${JSON.stringify(new URL('../../dist/export/write-exported.js', import.meta.url))};
    import { readdirSync } from 'node:fs';
    const files = (function* () {
      yield ['a', 'x'];
      console.log(readdirSync('.').length);
      process.exit(130);
    })();
    await writeExported('web', files);`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { cwd: folder, encoding: 'utf8' });
  expect([run.status, run.stdout, run.stderr]).toEqual([130, '1\n', '']);
  expect(readdirSync(folder)).toEqual([]);
});

const NO_FOLDERS = existsSync('/proc/self') ? ['/proc'] : [];

// Node's own mkdir of several folders never comes back from /proc.
test.each(['a file', ...NO_FOLDERS])('below %s it is told that it cannot be written', async (place) => {
  writeFileSync(join(folder, 'a file'), 'x');
  const out = join(resolve(folder, place), 'kd-none', 'out');
  for (const content of [new Map([['a', 'x']]), Uint8Array.of(1)])
    await expect(writeExported(out, content)).rejects.toMatchObject({
      code: 'FILE_WRITE',
      message: /E[A-Z]+: .+ mkdir/,
    });
  expect(readFileSync(join(folder, 'a file'), 'utf8')).toBe('x');
});
