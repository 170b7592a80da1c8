import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonFormat, toyData, toyDetector } from '@kd/testing';
import { describe, expect, it } from 'vitest';
import { plugin } from '../../test/distillation.js';
import { lastState, run, toyConfig } from '../../test/toy-run.js';
import { seen, walk } from '../../test/walk.js';
import { passFiles, withPass } from '../../test/passing.js';
import { taughtToWalk } from '../../test/taught.js';
import type { Config } from '../config.js';
import type { PassView } from '../contract/plugin.js';
import { KdError } from '../errors.js';
import { madeFrom, readSame } from './pass-cache.js';
import type { PassContext } from './pass-context.js';

const { distilled } = taughtToWalk();
const passing = (pass: (view: PassView) => Promise<void>): Config => distilled(withPass(pass));

describe('what a pass keeps', () => {
  it('is made once for all refreshes, and after a resume', async () => {
    const first = await run(distilled({ epochs: 3 }), { stopAt: 6 });
    await run(distilled({ epochs: 3 }), { out: first.out, resume: true });
    expect(seen).toEqual([
      'run walk 0',
      'made walk',
      'use walk',
      'run walk 4',
      'use walk',
      'use walk',
      'run walk 8',
      'use walk',
    ]);
    expect(await passFiles(first.out)).toEqual(['cache', 'epoch-0.json', 'epoch-1.json', 'epoch-2.json']);
  });

  it('is made again where its file is damaged, with a warning, and the run ends as the whole one', async () => {
    const whole = await run(distilled({ epochs: 3 }));
    const { out } = await run(distilled({ epochs: 3 }), { stopAt: 6 });
    await writeFile(join(out, 'passes', 'walk', 'cache', 'teacher.json'), '{"tensors":');
    seen.length = 0;
    const said: string[] = [];
    const logger = { info: () => {}, warn: (message: string) => void said.push(message) };
    await run(distilled({ epochs: 3 }), { out, resume: true, logger });
    expect(seen).toEqual(['use walk', 'run walk 8', 'made walk', 'use walk']);
    expect(said).toEqual([expect.stringMatching(/damaged and made again: .*teacher\.json cannot be read/)]);
    expect(await lastState(out)).toEqual(await lastState(whole.out));
  });

  it('is warned of in one line, whatever the reason says', async () => {
    const said: string[] = [];
    const logger = { info: () => {}, warn: (message: string) => void said.push(message) };
    const read = () => Promise.reject(new KdError('CHECKPOINT_INVALID', ['a.json is empty.', 'Copy it again.']));
    // What is read is a file that is there; this one is.
    expect(await readSame(import.meta.filename, {}, { format: { ...jsonFormat, read }, logger })).toBeNull();
    expect(said).toEqual(['a result of a data set pass is damaged and made again: a.json is empty. Copy it again.']);
  });

  it.each([
    ['another teacher', { teacher: 'other' }],
    ['other data', { data: 12 }],
    ['another seed', { seed: 1 }],
  ] as const)('is made again for %s', async (_, change) => {
    const other = await run(toyConfig({ student: toyDetector({ width: 6, size: 16 }), epochs: 1, seed: 6 }));
    const more: Partial<Config> =
      'teacher' in change
        ? { teacher: { weights: other.out, detector: toyDetector({ width: 6, size: 16 }) } }
        : 'data' in change
          ? { data: { ...toyConfig().data, train: toyData({ images: 12, size: 16 }) } }
          : { seed: 1 };
    const dies = plugin('dies', () => ({
      lossCompose: () => {
        throw new Error('oh');
      },
    }));
    const crash = (out: string, config: Partial<Config>) =>
      expect(run(distilled({ distillers: [walk(), dies], ...config }), { out })).rejects.toThrow('oh');
    const { out } = other;
    const folder = join(out, 'again');
    await crash(folder, {});
    await crash(folder, {});
    expect(seen.filter((one) => one.startsWith('made'))).toHaveLength(1);
    await crash(folder, more);
    expect(seen.filter((one) => one.startsWith('made'))).toHaveLength(2);
  });

  it('is made again for another option, also where that is a function', async () => {
    const context = {
      student: { input: {} },
      teacher: { variables: [] },
      dataset: { categories: [], images: [] },
      run: { seed: 0 },
    } as unknown as PassContext;
    const [a, b, c] = await Promise.all(
      [{ rank: (x: number) => x }, { rank: (x: number) => -x }, { rank: (x: number) => x }].map((options) =>
        madeFrom({ name: 'p', options }, context),
      ),
    );
    expect(b).not.toBe(a);
    expect(c).toBe(a);
  });

  it('does not mix with what another plugin keeps under the same name', async () => {
    const own = walk('walk', { indices: [1] });
    const { out } = await run(
      distilled({ epochs: 1, distillers: [own, walk('other', { indices: [2, 4] }), { ...own, as: 'third' }] }),
    );
    const read = async (id: string, ...name: string[]): Promise<unknown> =>
      (await jsonFormat.read(join(out, 'passes', id, ...name))).tensors;
    expect(await read('other', 'cache', 'teacher.json')).not.toEqual(await read('walk', 'cache', 'teacher.json'));
    expect(await read('third', 'cache', 'teacher.json')).toEqual(await read('walk', 'cache', 'teacher.json'));
    expect(seen.filter((one) => one.startsWith('made'))).toEqual(['made walk', 'made other', 'made third']);
  });

  it('stays inside of its folder', async () => {
    await expect(
      run(passing(async (view) => void (await view.cached('../x', async () => new Map())))),
    ).rejects.toMatchObject({
      code: 'PLUGIN_HOOK',
      message: expect.stringContaining('cached("../x") cannot be a file name') as string,
    });
  });

  it('is not taken from a run that died with another student', async () => {
    const dies = plugin('dies', () => ({
      lossCompose: () => {
        throw new Error('oh');
      },
    }));
    const { out } = await run(toyConfig({ epochs: 1 }));
    const crash = (depth: number) =>
      expect(
        run(distilled({ student: toyDetector({ size: 16, depth }), distillers: [walk(), dies] }), {
          out: join(out, 'again'),
        }),
      ).rejects.toThrow('oh');
    for (const depth of [1, 1, 2]) await crash(depth);
    expect(seen.filter((one) => one.startsWith('run'))).toHaveLength(2);
    expect(seen.filter((one) => one.startsWith('made'))).toHaveLength(1);
  });
});
