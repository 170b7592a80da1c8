import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonFormat, toyDetector, toyTeacher } from '@kd/testing';
import { describe, expect, it } from 'vitest';
import { near } from '../../test/near.js';
import { taught } from '../../test/taught.js';
import { lastState, of, readJson, run, toyConfig } from '../../test/toy-run.js';
import type { Config } from '../config.js';
import type { TeacherDefinition } from '../contract/teacher.js';
import { silentLogger } from '../logger.js';
import { planRun } from '../plan/plan.js';

const { distilled } = taught();

/** Images in each call of the teacher. */
let calls: number[] = [];
const watched = (options: Parameters<typeof toyTeacher>[0] = {}) => {
  const { definition } = toyTeacher;
  const create = async (...given: Parameters<typeof definition.create>) => {
    const teacher = await definition.create(...given);
    const forward: typeof teacher.forward = (images, wanted) => {
      calls.push(images.shape[0]);
      return teacher.forward(images, wanted);
    };
    return { ...teacher, forward };
  };
  return { definition: { ...definition, create } as unknown as TeacherDefinition, options };
};
const cached = (more: Partial<Config> = {}): Config =>
  toyConfig({ teacher: watched(), distillers: [near()], epochs: 4, cacheTeacher: true, ...more });
const cacheOf = async (out: string): Promise<string[]> =>
  (await readdir(join(out, 'passes', 'teacher-teacher', 'cache'))).sort();

describe('a cached teacher', () => {
  it.each(['nhwc', 'nchw'] as const)(
    'runs once for each picture and for its mirror image, alone, and teaches the same up to fp16: %s',
    async (layout) => {
      calls = [];
      const teacher = watched({ input: { fixedSize: [64, 64], mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4], layout } });
      const { out, events } = await run(cached({ teacher }));
      const files = await cacheOf(out);
      expect(calls).toEqual(files.map(() => 1));
      expect(files.length).toBeGreaterThan(8);
      expect(files).toContain('0.json');
      expect(files.some((file) => file.endsWith('-flipped.json'))).toBe(true);
      const plain = of((await run(cached({ teacher, cacheTeacher: false }))).events, 'log');
      const logs = of(events, 'log');
      expect(logs).toHaveLength(16);
      logs.forEach(({ terms }, i) => expect(terms['near.feat']).toBeCloseTo(plain[i]!.terms['near.feat']!, 2));
      // Not because nothing is learned: the term changes from step to step by more.
      expect(Math.abs(logs[0]!.terms['near.feat']! - logs.at(-1)!.terms['near.feat']!)).toBeGreaterThan(0.05);
    },
  );

  it('goes on as the whole run, bit for bit, and reads what is there', async () => {
    const whole = await run(cached());
    calls = [];
    const first = await run(cached(), { stopAt: 6 });
    const before = calls.length;
    await run(cached(), { out: first.out, resume: true });
    expect(calls.length - before).toBe((await cacheOf(whole.out)).length - before);
    expect(await lastState(first.out)).toEqual(await lastState(whole.out));
    expect(await readJson(join(whole.out, 'config.json'))).toMatchObject({ cacheTeacher: true });
  });

  it('may be turned on and off for the rest of a run, which is told', async () => {
    const { out } = await run(cached({ cacheTeacher: false }), { stopAt: 5 });
    const said: string[] = [];
    const logger = { info: (line: string) => void said.push(line), warn: () => {} };
    await run(cached(), { out, resume: true, stopAt: 9, logger });
    await run(cached({ cacheTeacher: false }), { out, resume: true, logger });
    expect(said.filter((line) => line.startsWith('resumed'))).toEqual([
      'resumed with other settings: cacheTeacher none, now true',
      'resumed with other settings: cacheTeacher true, now none',
    ]);
  });

  it.each<readonly [string, string, (at: string) => Promise<unknown>, RegExp]>([
    ['a folder in the place of a file', '0.json', (at) => mkdir(at), /0\.json could not be written: EISDIR/],
    ['a file in the place of the folder', '', (at) => writeFile(at, ''), /could not be written: (EEXIST|ENOTDIR)/],
  ])(
    'ends in one error that says what to do where there is %s, and goes on after that',
    async (_, name, put, message) => {
      const { out } = await run(cached({ cacheTeacher: false }), { stopAt: 1 });
      const cache = join(out, 'passes', 'teacher-teacher', 'cache');
      await mkdir(join(cache, name, '..'), { recursive: true });
      await put(join(cache, name));
      const again = () => run(cached(), { out, resume: true });
      const error: unknown = await again().catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: 'FILE_WRITE', message: expect.stringMatching(message) as string });
      expect((error as Error).message).toMatch(
        /^cacheTeacher: .* or leave cacheTeacher out\. Then go on with --resume\.$/,
      );
      await rm(join(cache, name), { recursive: true });
      expect((await again()).summary!.steps).toBe(16);
    },
  );

  it('makes a damaged file anew, with a warning, and one that was made by another teacher', async () => {
    const whole = await run(cached());
    const { out } = await run(cached(), { stopAt: 8 });
    const [file] = await cacheOf(out);
    await writeFile(join(out, 'passes', 'teacher-teacher', 'cache', file!), '{"tensors":');
    const said: string[] = [];
    const logger = { info: () => {}, warn: (line: string) => void said.push(line) };
    await run(cached(), { out, resume: true, logger });
    expect(said).toEqual([expect.stringMatching(/damaged and made again: .*json cannot be read/)]);
    expect(await lastState(out)).toEqual(await lastState(whole.out));
    calls = [];
    await rm(join(out, 'checkpoints'), { recursive: true });
    await run(cached({ teacher: watched({ seed: 1 }) }), { out });
    expect(calls.length).toBe((await cacheOf(out)).length);
  });

  it('does not take what is kept of one picture for another, under whose name it was copied', async () => {
    const whole = await run(cached());
    const { out } = await run(cached(), { stopAt: 8 });
    const [first, ...others] = await cacheOf(out);
    const kept = (file: string) => join(out, 'passes', 'teacher-teacher', 'cache', file);
    for (const file of others) await copyFile(kept(first!), kept(file));
    calls = [];
    await run(cached(), { out, resume: true });
    expect(calls.length).toBeGreaterThan(0);
    expect(await lastState(out)).toEqual(await lastState(whole.out));
  });

  it('stands in the plan with what it keeps: maps of 8 x 8 and 4 x 4 cells of 5 channels, twice, in two bytes', async () => {
    const { teacher } = await planRun(cached(), { format: jsonFormat, logger: silentLogger });
    expect(teacher!.cache).toEqual({ files: 16, bytes: 16 * (64 + 16) * 5 * 2 });
  });

  it.each<readonly [string, () => Config, RegExp]>([
    [
      'other augmentations, by name',
      () => cached({ data: { ...toyConfig().data, augment: [{ name: 'flip' }, { name: 'photometric' }] } }),
      /cacheTeacher: the augmentation photometric makes another picture every time/,
    ],
    [
      'an input of many sizes',
      () => cached({ teacher: watched({ input: { minSize: 32, mean: [0, 0, 0], std: [1, 1, 1] } }) }),
      /the input of the teacher "teacher" has no fixedSize/,
    ],
    [
      'a detector',
      () => distilled({ student: toyDetector({ size: 16 }), distillers: [near()], cacheTeacher: true }),
      /cacheTeacher: no teacher of the run is one of features alone/,
    ],
  ])('is refused with %s', async (_, config, message) => {
    await expect(run(config())).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(message) as string,
    });
  });
});
