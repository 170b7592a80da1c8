import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonFormat, toyData, toyDetector } from '@kd/testing';
import { describe, expect, it } from 'vitest';
import { mimic } from '../../test/mimic.js';
import { run, temporaryFolder, toyConfig } from '../../test/toy-run.js';
import { taughtToMimic } from '../../test/taught.js';
import { latestCheckpoint } from './checkpoints.js';
import type { Config } from '../config.js';
import { defineDetector } from '../define.js';

const { distilled, teacher } = taughtToMimic();

describe('what does not fit', () => {
  it('leaves nothing in a run folder where it fails before the first step, and no folder that it made', async () => {
    const parent = await temporaryFolder();
    const out = join(parent, 'new');
    const failing = () => run(toyConfig({ init: join(parent, 'nowhere') }), { out });
    await expect(failing()).rejects.toThrow(/nowhere/);
    expect(await readdir(parent)).toEqual([]);
    await mkdir(out);
    await expect(failing()).rejects.toThrow(/nowhere/);
    expect(await readdir(parent, { recursive: true })).toEqual(['new']);
  });

  it.each<readonly [Partial<Config>, string, RegExp]>([
    [
      { teacher: 'm/x.onnx' },
      'PLUGIN_NOT_FOUND',
      /no teacher named "m\/x\.onnx" .* Write \["onnx", \{ model: "m\/x\.onnx"/,
    ],
    [{ teacher: 'm/model.json' }, 'PLUGIN_NOT_FOUND', /Write \["tfjs", \{ model: "m\/model\.json", input/],
    [{ teacher: './runs/big' }, 'PLUGIN_NOT_FOUND', /is written as \{ weights: "\.\/runs\/big" \}/],
    [{ teacher: 'best.safetensors' }, 'PLUGIN_NOT_FOUND', /is written as \{ weights: "best\.safetensors" \}/],
    [
      { teacher: 'onxn' },
      'PLUGIN_NOT_FOUND',
      /no teacher named "onxn" is installed for .*; did you mean "onnx"\? Installed/,
    ],
    [{ init: 'pretraind' }, 'CHECKPOINT_INVALID', /init: .*pretraind does not exist; did you mean "pretrained"\?/],
  ])('says what to write in place of %j', async (part, code, message) => {
    await expect(
      run(toyConfig({ distillers: part.teacher === undefined ? [] : [mimic({})], ...part })),
    ).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it('refuses a folder that holds a run, and a resume without one', async () => {
    await expect(run(toyConfig(), { out: teacher() })).rejects.toMatchObject({
      code: 'RUN_FOLDER',
      message: expect.stringContaining('already holds a run'),
    });
    await expect(run(toyConfig(), { resume: true })).rejects.toMatchObject({
      code: 'RUN_FOLDER',
      message: expect.stringContaining('no checkpoint to resume from'),
    });
  });

  it.each([
    [
      'another model',
      { student: toyDetector({ width: 5, size: 16 }) },
      /was trained with student\.width 4, the config gives 5\. Resume with the config of the run/,
    ],
    ['another depth', { student: toyDetector({ depth: 2, size: 16 }) }, /with student\.depth 1, the config gives 2/],
    ['another seed', { seed: 1 }, /was trained with seed 0, the config gives 1/],
    ['another batch size', { batchSize: 4 }, /was trained with batchSize 2, the config gives 4/],
    [
      'another optimiser',
      { optimizer: { name: 'adamw', lr: 0.1 } },
      /was trained with optimizer\.name "sgd", the config gives "adamw"; with optimizer\.momentum 0\.9, the config gives none/,
    ],
    [
      'another momentum',
      { optimizer: { name: 'sgd', lr: 0.02, momentum: 0.8, weightDecay: 1e-3 } },
      /with optimizer\.momentum 0\.9, the config gives 0\.8/,
    ],
    ['an average', { ema: { decay: 0.9 } }, /was trained with ema null, the config gives \{"decay":0\.9\}/],
    ['clipping', { clipNorm: 1 }, /was trained with clipNorm null, the config gives 1/],
    [
      'other images',
      { data: { ...toyConfig().data, train: toyData({ images: 8, size: 16, seed: 3 }) } },
      /was trained with data\.train\.fingerprint "\w+", the config gives "\w+"/,
    ],
    [
      'another augmentation',
      { data: { ...toyConfig().data, augment: [{ name: 'flip', probability: 0.1 }] } },
      /was trained with data\.augment\.0\.probability 0\.5, the config gives 0\.1/,
    ],
    [
      'none',
      { data: { ...toyConfig().data, augment: [] }, seed: 2 },
      /with seed 0, the config gives 2; with data\.augment \[\{"name":"flip","probability":0\.5\}\], the config gives \[\]/,
    ],
  ])('refuses to resume with %s', async (_, change, message) => {
    const { out } = await run(toyConfig({ epochs: 1 }));
    await expect(
      run(toyConfig({ epochs: 1, ...(change as Partial<Config>) }), { out, resume: true }),
    ).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID', message: expect.stringMatching(message) });
  });

  it('refuses to resume with other distillers', async () => {
    const { out } = await run(toyConfig({ epochs: 1 }));
    await expect(run(distilled({ epochs: 1 }), { out, resume: true })).rejects.toThrow(
      /was trained with teacher null, .* with distillers \[\], the config gives \[\{"id":"mimic"/,
    );
  });

  it('refuses to resume with other options of a distiller, or another teacher', async () => {
    const { out } = await run(distilled({ epochs: 1 }));
    const resumed = (more: Partial<Config>) => run(distilled({ epochs: 1, ...more }), { out, resume: true });
    await expect(resumed({ distillers: [mimic({ noise: 0.5, pass: true, weight: 2 })] })).rejects.toThrow(
      /was trained with distillers\.0\.options\.weight 1, the config gives 2\. Resume/,
    );
    const other = await run(toyConfig({ student: toyDetector({ width: 6, size: 16 }), epochs: 1, seed: 6 }));
    await expect(
      resumed({ teacher: { weights: other.out, detector: toyDetector({ width: 6, size: 16 }) } }),
    ).rejects.toThrow(/was trained with teacher\.weights "\w+", the config gives "\w+"\. Resume/);
  });

  it('refuses a checkpoint that is cut short or whose position is damaged, naming the file', async () => {
    const { out } = await run(toyConfig({ epochs: 1 }));
    const file = (await latestCheckpoint(out, jsonFormat))!;
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.slice(0, text.length / 2));
    await expect(run(toyConfig({ epochs: 1 }), { out, resume: true })).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringContaining(file),
    });
    await expect(run(toyConfig({ epochs: 1 }), { out, resume: true })).rejects.toThrow(
      /no older one in its folder: start a new run/,
    );
    const { tensors: kept, metadata } = JSON.parse(text) as { tensors: object; metadata: Record<string, string> };
    await writeFile(file, JSON.stringify({ tensors: kept, metadata: { ...metadata, training: '{"step":' } }));
    await expect(run(toyConfig({ epochs: 1 }), { out, resume: true })).rejects.toThrow(
      /its metadata "training" cannot be read/,
    );
    await writeFile(file, JSON.stringify({ tensors: kept, metadata: { kd: '1' } }));
    await expect(run(toyConfig({ epochs: 1 }), { out, resume: true })).rejects.toThrow(/holds weights only/);
  });

  it('refuses fewer images than a step needs', async () => {
    await expect(run(toyConfig({ batchSize: 4, accumulate: 3 }))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/toy\) has 8 images: too few .* batchSize 4 times accumulate 3/),
    });
  });

  it('refuses distillers without a teacher', async () => {
    await expect(run(toyConfig({ distillers: [mimic({})] }))).rejects.toThrow(/distillers need a teacher/);
  });

  it('refuses a teacher that is not there, of another input or of other classes', async () => {
    await expect(run(distilled({ teacher: { weights: 'nowhere', detector: toyDetector() } }))).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringContaining('nowhere does not exist'),
    });
    await expect(run(distilled({ student: toyDetector({ size: 48 }) }))).rejects.toMatchObject({
      code: 'TEACHER_INVALID',
      message: expect.stringContaining('inputs differ'),
    });
    const renamed = {
      ...toyData(),
      open: async () => ({
        ...(await toyData().open({ folder: '.' })),
        categories: [
          { id: 1, name: 'cat' },
          { id: 2, name: 'dog' },
        ],
      }),
    };
    await expect(run(distilled({ data: { train: renamed, workers: 0 } }))).rejects.toMatchObject({
      code: 'TEACHER_INVALID',
      message: expect.stringMatching(
        /only the teacher has red, blue; only the student's data has cat, dog\. Train the teacher/,
      ),
    });
  });

  it('refuses validation data of other classes by what differs, and asks for the order of the training data', async () => {
    let asked: readonly string[] | undefined;
    const val = {
      ...toyData(),
      open: async (context: { folder: string; classes?: readonly string[] }) => {
        asked = context.classes;
        return { ...(await toyData().open(context)), categories: [{ id: 1, name: 'Red' }] };
      },
    };
    await expect(run(toyConfig({ data: { train: toyData(), val, workers: 0 } }))).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message: expect.stringMatching(
        /classes: the training data writes red, the validation data Red; only the training data has blue\./,
      ),
    });
    expect(asked).toEqual(['red', 'blue']);
  });

  it('refuses a detector for another version of the contract', async () => {
    const future = defineDetector({ ...toyDetector.definition, apiVersion: 2 });
    await expect(run(toyConfig({ student: future() }))).rejects.toMatchObject({ code: 'PLUGIN_INVALID' });
  });
});
