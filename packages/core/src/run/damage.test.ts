import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { jsonFormat, toyData, toyDetector, toyMetric } from '@kd/testing';
import { describe, expect, it } from 'vitest';
import { calls } from '../../test/mimic.js';
import { lastState, of, run, toyConfig } from '../../test/toy-run.js';
import { taughtToMimic } from '../../test/taught.js';
import { latestCheckpoint } from './checkpoints.js';
import type { HostTensor } from '../contract/checkpoint.js';

const { distilled } = taughtToMimic();

const said: string[] = [];
const logger = {
  info: (message: string) => void said.push(message),
  warn: (message: string) => void said.push(message),
};
const heard = (): string[] => said.splice(0);

/** Writes the newest checkpoint again with other tensors or metadata, as a program that knows the format. */
async function edit(
  out: string,
  change: (tensors: Map<string, HostTensor>, metadata: Record<string, string>) => void,
): Promise<string> {
  const file = (await latestCheckpoint(out, jsonFormat))!;
  const stored = await jsonFormat.read(file);
  const [kept, metadata] = [new Map(stored.tensors), { ...stored.metadata }];
  change(kept, metadata);
  await jsonFormat.write(file, kept, metadata);
  return file;
}
const without = (names: RegExp) => (kept: Map<string, HostTensor>) => {
  for (const name of [...kept.keys()]) if (names.test(name)) kept.delete(name);
};

describe('a checkpoint from which state has gone', () => {
  it.each([
    ['every slot', /^optimizer\/momentum/, /optimizer\/momentum\/student\/.* and \d+ more tensors/],
    [
      'one slot',
      /^optimizer\/momentum\/student\/backbone\.stem\/kernel/,
      /momentum\/student\/backbone\.stem\/kernel of/,
    ],
    ['every count', /^optimizer\/count/, /optimizer\/count\/student/],
    ['every average', /^ema\//, /ema\/student/],
    ['one average', /^ema\/plugin\/mimic/, /ema\/plugin\/mimic\/adapter of/],
    ['the state of a plugin', /^state\//, /state\/mimic\/steps of/],
    ['a variable of a plugin', /^plugin\//, /plugin\/mimic\/adapter of/],
    ['a weight', /^student\/backbone\.stem\/kernel/, /student\/backbone\.stem\/kernel of/],
  ])('is refused by name: %s', async (_, names, message) => {
    const { out } = await run(distilled({ epochs: 1 }));
    const file = await edit(out, without(names));
    await expect(run(distilled({ epochs: 1 }), { out, resume: true })).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringMatching(message),
    });
    await expect(run(distilled({ epochs: 1 }), { out, resume: true })).rejects.toThrow(`${file} is not whole`);
  });

  it('is refused without the list of its names, or the settings of its run', async () => {
    const { out } = await run(distilled({ epochs: 1 }));
    await edit(out, (_, metadata) => {
      delete metadata['tensors'];
      const { settings: __, ...position } = JSON.parse(metadata['training']!) as Record<string, unknown>;
      metadata['training'] = JSON.stringify(position);
    });
    await expect(run(distilled({ epochs: 1 }), { out, resume: true })).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringContaining(
        'was changed after it was written: the names of its tensors ("tensors") and the settings of its run ("settings" in "training") are missing in its metadata.',
      ),
    });
  });

  it('is refused without its hash, where the format has one; a result of a pass is made again', async () => {
    const { out } = await run(distilled(), { stopAt: 9 });
    const unhashed = {
      ...jsonFormat,
      read: async (file: string) => ({ ...(await jsonFormat.read(file)), hashed: false }),
    };
    await expect(run(distilled(), { out, resume: true, format: unhashed })).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringMatching(
        /was changed after it was written: its hash is missing in its metadata\. .* The one before, step-00000008\.json, lies beside it/,
      ),
    });
    const passes = {
      ...jsonFormat,
      read: async (file: string) => ({ ...(await jsonFormat.read(file)), hashed: !file.includes('passes') }),
    };
    heard();
    await run(distilled(), { out, resume: true, format: passes, logger });
    expect(heard()).toEqual(
      expect.arrayContaining([expect.stringMatching(/made again: .*lacks the hash that it was written with/)]),
    );
  });
});

describe('a damaged newest checkpoint', () => {
  it('names the one before it, and the run goes on from there as it is told, to the same end', async () => {
    const whole = await run(distilled());
    const { out } = await run(distilled(), { stopAt: 10 });
    const newest = (await latestCheckpoint(out, jsonFormat))!;
    expect(basename(newest)).toBe('step-00000010.json');
    const text = await readFile(newest, 'utf8');
    await writeFile(newest, text.slice(0, -100));
    const resumed = () => run(distilled(), { out, resume: true });
    await expect(resumed()).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringContaining(
        'The one before, step-00000008.json, lies beside it: delete step-00000010.json and resume again',
      ),
    });
    await rm(newest);
    const again = await resumed();
    expect(of(again.events, 'start')[0]!.run.startStep).toBe(8);
    expect(await lastState(out)).toEqual(await lastState(whole.out));
    expect(again.summary!.metrics).toEqual(whole.summary!.metrics);
  });
});

describe('a damaged result of a pass', () => {
  it('is made again with a warning, and the run ends as the whole one', async () => {
    const whole = await run(distilled());
    const { out } = await run(distilled(), { stopAt: 9 });
    const name = join(out, 'passes', 'mimic', (await readdir(join(out, 'passes', 'mimic'))).sort().at(-1)!);
    await writeFile(name, (await readFile(name, 'utf8')).slice(0, -20));
    calls.length = 0;
    heard();
    await run(distilled(), { out, resume: true, logger });
    expect(calls).toContain('run mimic 2');
    // What the pass of the test gives depends on the teacher alone.
    expect(await lastState(out)).toEqual(await lastState(whole.out));
    expect(heard()).toEqual([
      expect.stringMatching(/^a result of a data set pass is damaged and made again: .*\.json/),
      expect.stringMatching(/the data set pass of step 8 is made again, from the student of step 9/),
    ]);
  });
});

describe('weights that are not finite', () => {
  const spoil = (kept: Map<string, HostTensor>): void => {
    for (const [name, { dtype, shape, data }] of kept) {
      if (!name.endsWith('backbone.stem/kernel')) continue;
      const values = Float32Array.from(data as Float32Array);
      values[3] = NaN;
      values[5] = -Infinity;
      kept.set(name, { dtype, shape, data: values });
    }
  };

  it('are told by file and tensor: of a teacher, an init and a checkpoint to go on from', async () => {
    const { out } = await run(toyConfig({ student: toyDetector({ width: 6, size: 16 }), epochs: 1 }));
    const file = await edit(out, spoil);
    const told = { code: 'CHECKPOINT_INVALID', message: expect.stringContaining(`${file}: `) as string };
    const named = /backbone\.stem\/kernel holds NaN \(2 of 288 values are not finite\)/;
    for (const config of [
      distilled({ teacher: { weights: file, detector: toyDetector({ width: 6, size: 16 }) } }),
      toyConfig({ student: toyDetector({ width: 6, size: 16 }), init: file }),
    ]) {
      await expect(run(config)).rejects.toMatchObject(told);
      await expect(run(config)).rejects.toThrow(named);
    }
    const resumed = () =>
      run(toyConfig({ student: toyDetector({ width: 6, size: 16 }), epochs: 2 }), { out, resume: true });
    await expect(resumed()).rejects.toMatchObject(told);
    await expect(resumed()).rejects.toThrow(/student\/backbone\.stem\/kernel holds NaN/);
  });
});

describe('a resume with settings that may change', () => {
  it('tells them, and nothing of what is harmless', async () => {
    const { out } = await run(toyConfig({ epochs: 1 }));
    heard();
    const config = toyConfig({
      epochs: 2,
      log: { every: 2 },
      checkpoint: { keep: 3 },
      optimizer: { name: 'sgd', lr: 0.01, momentum: 0.9, weightDecay: 1e-3 },
    });
    const { summary } = await run(config, { out, resume: true, logger });
    expect(heard()).toEqual(['resumed with other settings: epochs 1, now 2; optimizer.lr 0.02, now 0.01']);
    expect(summary!.steps).toBe(8);
    await run(config, { out, resume: true, logger });
    expect(heard()).toEqual([expect.stringMatching(/^the run has done 8 steps .* nothing is left to train\.$/)]);
  });

  it('rates the best anew where it is measured otherwise', async () => {
    const perfect = { ...toyMetric(), evaluate: () => ({ metrics: { [toyMetric().primary]: 1e9 }, perClass: [] }) };
    const { out } = await run(toyConfig({ epochs: 1, evaluate: { metric: perfect } }));
    const data = { ...toyConfig().data, val: toyData({ images: 5, size: 16, seed: 4 }) };
    heard();
    const { summary } = await run(toyConfig({ epochs: 2, data }), { out, resume: true, logger });
    expect(heard()).toEqual([expect.stringMatching(/epochs 1, now 2; data\.val\.images 6, now 5; data\.val\.finger/)]);
    expect(summary!.best).toMatchObject({ epoch: 1, step: 8 });
  });
});
