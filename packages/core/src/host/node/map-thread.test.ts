import { copyFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { jsonFormat, toyTeacher } from '@kd/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { plugin } from '../../../test/distillation.js';
import { near } from '../../../test/near.js';
import { lastState, removeFolders, run, toyConfig } from '../../../test/toy-run.js';
import type { Config } from '../../config.js';
import type { CheckpointFormat } from '../../contract/checkpoint.js';

/** Four steps an epoch of two images each, never turned over: eight files, all made in the first epoch. */
const config = (more: Partial<Config> = {}): Config =>
  toyConfig({
    ...{ teacher: toyTeacher(), distillers: [near()], epochs: 3, cacheTeacher: true },
    data: { ...toyConfig().data, augment: [] },
    ...more,
  });

/** Threads that were started. */
const started: Worker[] = [];
const onWorker = (worker: Worker): void => void started.push(worker);
const ofStarted = () => started.map(({ threadId }) => threadId);
beforeEach(() => void process.on('worker', onWorker));
afterEach(async () => {
  process.off('worker', onWorker);
  started.length = 0;
  await removeFolders();
});

/** Files of a cache that this thread has read. */
const readHere: string[] = [];
function watched(thread: string | undefined): CheckpointFormat {
  const { thread: _, ...format } = jsonFormat;
  readHere.length = 0;
  const read: typeof format.read = (file) => {
    if (file.includes('teacher-teacher')) readHere.push(file);
    return format.read(file);
  };
  return { ...format, read, ...(thread !== undefined && { thread }) };
}

const warnings = () => {
  const said: string[] = [];
  return { said, logger: { info: () => {}, warn: (line: string) => void said.push(line) } };
};

describe('the thread that reads kept maps', () => {
  it('reads them in the place of this one, bit for bit, and ends with the run', async () => {
    const beside = await run(config(), { format: watched(jsonFormat.thread) });
    expect(readHere).toEqual([]);
    expect(ofStarted()).toEqual([-1]);
    const here = await run(config(), { format: watched(undefined) });
    expect(readHere).toHaveLength(16);
    expect(started).toHaveLength(1);
    expect(await lastState(beside.out)).toEqual(await lastState(here.out));
  });

  it('ends with a run that is stopped, and with one that fails', async () => {
    const { out } = await run(config(), { stopAt: 7 });
    expect(ofStarted()).toEqual([-1]);
    let steps = 0;
    const dies = plugin('dies', () => ({
      lossCompose: () => {
        if (++steps > 6) throw new Error('oh');
        return {};
      },
    }));
    await expect(run(config({ distillers: [near(), dies] }))).rejects.toThrow('oh');
    expect(ofStarted()).toEqual([-1, -1]);
    expect((await run(config(), { out, resume: true })).summary!.steps).toBe(12);
    expect(ofStarted()).toEqual([-1, -1, -1]);
  });

  it.each([
    ['that ends by itself', 'data:text/javascript,process.exit(3)', /ended \(exit code 3\): steps wait/],
    ['whose module is not there', 'file:///nowhere/reader.js', /ended \(.*Cannot find module.*\): steps wait/],
  ])('is done without, with one warning, %s', async (_, thread, message) => {
    const { said, logger } = warnings();
    const { out } = await run(config(), { format: watched(thread), logger });
    expect(said).toEqual([expect.stringMatching(message)]);
    expect(readHere).toHaveLength(16);
    expect(await lastState(out)).toEqual(await lastState((await run(config())).out));
  });

  it('leaves damaged files, and those of other pictures, to this one, which names them', async () => {
    const whole = await run(config());
    const { out } = await run(config(), { stopAt: 4 });
    const cache = join(out, 'passes', 'teacher-teacher', 'cache');
    const [first, second, ...others] = (await readdir(cache)).sort();
    await rm(join(cache, first!));
    await copyFile(join(cache, others[0]!), join(cache, second!));
    await writeFile(join(cache, others[1]!), '{"tensors":');
    const { said, logger } = warnings();
    await run(config(), { out, resume: true, logger });
    expect(said).toEqual([expect.stringContaining(`damaged and made again: ${join(cache, others[1]!)} `)]);
    expect(await lastState(out)).toEqual(await lastState(whole.out));
  });
});
