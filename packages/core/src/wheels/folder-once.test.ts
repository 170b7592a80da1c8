import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { folderOnce } from './folder-once.js';

const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'kd-once-'));
/** What lies in a folder, hidden files too. */
const namesIn = (folder: string): string[] => readdirSync(folder).sort();

const build = (log: string[], name: string) => async (temporary: string) => {
  log.push(name);
  writeFileSync(join(temporary, 'part'), 'half');
  await sleep(60);
  writeFileSync(join(temporary, 'part'), 'whole');
};

it('shows the folder only when it is whole, and leaves nothing else', async () => {
  const parent = temporaryFolder();
  const target = join(parent, 'library');
  const work = folderOnce(target, build([], 'one'));
  await sleep(30);
  expect(existsSync(target)).toBe(false);
  await work;
  expect(readFileSync(join(target, 'part'), 'utf8')).toBe('whole');
  expect(namesIn(parent)).toEqual(['library']);
});

it('builds once when several ask at the same time; the others wait and say so once', async () => {
  const target = join(temporaryFolder(), 'library');
  const log: string[] = [];
  const waits: string[] = [];
  await Promise.all(
    ['a', 'b', 'c'].map((name) => folderOnce(target, build(log, name), { poll: 5, onWait: () => waits.push(name) })),
  );
  expect(log).toHaveLength(1);
  expect(waits).toHaveLength(2);
});

it('does nothing when the folder is there', async () => {
  const target = join(temporaryFolder(), 'library');
  mkdirSync(target);
  await folderOnce(target, () => Promise.reject(new Error('not to be called')));
});

it('leaves nothing behind when building fails, and the next may try', async () => {
  const parent = temporaryFolder();
  const target = join(parent, 'library');
  await expect(
    folderOnce(target, async (temporary) => {
      writeFileSync(join(temporary, 'part'), 'half');
      throw new Error('disk full');
    }),
  ).rejects.toThrow('disk full');
  expect(namesIn(parent)).toEqual([]);
  await folderOnce(target, build([], 'again'));
  expect(namesIn(parent)).toEqual(['library']);
});

it('takes over from a process that was killed while it built, and removes its half-made folder', async () => {
  const parent = temporaryFolder();
  const target = join(parent, 'library');
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  writeFileSync(`${target}.lock`, `${hostname()} ${child.pid} x`);
  mkdirSync(join(parent, '.library.dead.tmp'));
  child.kill('SIGKILL');
  await new Promise((done) => child.on('exit', done));
  await folderOnce(target, build([], 'next'), { poll: 5 });
  expect(namesIn(parent)).toEqual(['library']);
});

it('waits for a lock of another machine while it is touched, and takes it when it goes stale', async () => {
  const target = join(temporaryFolder(), 'library');
  writeFileSync(`${target}.lock`, 'other-machine 1 x');
  const began = performance.now();
  await folderOnce(target, build([], 'next'), { poll: 5, staleAfter: 150 });
  expect(performance.now() - began).toBeGreaterThan(140);

  const old = join(temporaryFolder(), 'library');
  writeFileSync(`${old}.lock`, 'other-machine 1 x');
  utimesSync(`${old}.lock`, new Date(0), new Date(0));
  await folderOnce(old, build([], 'next'));
  expect(existsSync(old)).toBe(true);
});
