import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { cpuEngine } from '@kd/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeFolders, run, temporaryFolder, toyConfig } from '../../../test/toy-run.js';
import { OWN_IDENTITY } from './process-identity.js';
import { lockRunFolder } from './run-lock.js';

beforeAll(() => cpuEngine().start());
afterAll(removeFolders);

const said: string[] = [];
const logger = { info: () => {}, warn: (message: string) => void said.push(message) };
const warnings = (): string[] => said.splice(0);
const holder = (more: object): string =>
  JSON.stringify({ pid: process.pid, host: hostname(), started: 'then', process: OWN_IDENTITY, ...more });

describe('the lock of a run folder', () => {
  it('is refused to a second, and free once it is handed back', async () => {
    const folder = await temporaryFolder();
    const unlock = await lockRunFolder(folder, logger);
    expect(JSON.parse(await readFile(join(folder, 'run.lock'), 'utf8'))).toMatchObject({
      pid: process.pid,
      host: hostname(),
      started: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
    await expect(lockRunFolder(folder, logger)).rejects.toMatchObject({
      code: 'RUN_FOLDER',
      message: expect.stringContaining(`another training writes to ${folder}: process ${process.pid} on ${hostname()}`),
    });
    unlock();
    (await lockRunFolder(folder, logger))();
    expect(warnings()).toEqual([]);
  });

  it.each([
    [
      'of a process that has ended',
      () => holder({ pid: 1, process: `${spawnSync('true').pid}-1` }),
      /process 1, which/,
    ],
    [
      'of an earlier process of a number that lives',
      () => holder({ process: `${process.pid}-1` }),
      /has ended; the fo/,
    ],
  ])('%s is taken over, and that is said', async (_, text, told) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'run.lock'), text());
    const unlock = await lockRunFolder(folder, logger);
    expect(warnings()).toEqual([expect.stringMatching(told)]);
    expect(JSON.parse(await readFile(join(folder, 'run.lock'), 'utf8'))).toMatchObject({ process: OWN_IDENTITY });
    unlock();
  });

  it('that a process was killed in writing is taken over; one of another host is not', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'run.lock');
    await writeFile(file, '');
    await utimes(file, new Date(0), new Date(0));
    (await lockRunFolder(folder, logger))();
    expect(warnings()).toEqual([expect.stringContaining('left by a process that was killed')]);
    await writeFile(file, holder({ host: 'elsewhere', pid: 7, process: '7-1' }));
    await expect(lockRunFolder(folder, logger)).rejects.toThrow(/process 7 on elsewhere.* delete .*run\.lock/);
  });

  it('goes to one of many that find a lock left behind', async () => {
    for (let i = 0; i < 20; i++) {
      const folder = await temporaryFolder();
      await writeFile(join(folder, 'run.lock'), holder({ process: `${process.pid}-1` }));
      const all = await Promise.allSettled(Array.from({ length: 8 }, () => lockRunFolder(folder, logger)));
      const got = all.filter((one) => one.status === 'fulfilled');
      expect(got).toHaveLength(1);
      expect(warnings()).toHaveLength(1);
      expect(await readdir(folder)).toEqual(['run.lock']);
      got[0]!.value();
      expect(await readdir(folder)).toEqual([]);
    }
  });

  it('and of a claim of it that was left as well', async () => {
    const folder = await temporaryFolder();
    const left = holder({ process: `${process.pid}-1` });
    await writeFile(join(folder, 'run.lock'), left);
    const hash = createHash('sha256').update(left).digest('hex').slice(0, 8);
    await writeFile(join(folder, `.run.lock.0-0.${hash}.tmp`), holder({ process: `${process.pid}-2` }));
    const unlock = await lockRunFolder(folder, logger);
    expect(await readdir(folder)).toEqual(['run.lock']);
    unlock();
    warnings();
  });
});

describe('a training', () => {
  it.each(['run.lock', 'metrics.jsonl'])('waits for no FIFO in the place of %s', async (name) => {
    const out = await temporaryFolder();
    spawnSync('mkfifo', [join(out, name)]);
    await expect(run(toyConfig({ epochs: 1 }), { out })).rejects.toMatchObject({
      code: 'RUN_FOLDER',
      message: expect.stringMatching(new RegExp(`${name}: it is a FIFO, where a file is wanted`)),
    });
  });

  it('refuses a folder that another process trains in, fresh and resumed, and leaves no lock at any end', async () => {
    const { out } = await run(toyConfig({ epochs: 1 }));
    const file = join(out, 'run.lock');
    const isGone = () => expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
    await isGone();
    await expect(run(toyConfig({ epochs: 1 }), { out })).rejects.toThrow(/already holds a run/);
    await isGone();
    // The test's own parent: another process that lives.
    const parent = (await readFile(`/proc/${process.ppid}/stat`, 'utf8')).split(') ').at(-1)!.split(' ')[19];
    const lock = holder({ pid: process.ppid, process: `${process.ppid}-${parent}` });
    await writeFile(file, lock);
    await expect(run(toyConfig({ epochs: 1 }), { out, resume: true })).rejects.toMatchObject({ code: 'RUN_FOLDER' });
    expect(await readFile(file, 'utf8')).toBe(lock);
    const fresh = await temporaryFolder();
    await writeFile(join(fresh, 'run.lock'), lock);
    await expect(run(toyConfig({ epochs: 1 }), { out: fresh })).rejects.toThrow(/another training writes to/);
    await writeFile(join(fresh, 'run.lock'), holder({ process: `${process.pid}-1` }));
    await writeFile(join(fresh, `.config.json.${process.pid}-1.00000000.tmp`), '');
    await run(toyConfig({ epochs: 1 }), { out: fresh, logger });
    expect(warnings()).toEqual([
      expect.stringContaining('is taken over'),
      expect.stringMatching(/1 temporary file\(s\) .* are removed: .*config\.json/),
    ]);
    await expect(readFile(join(fresh, 'run.lock'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
