import { copyFileSync, linkSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NamedTensors } from '@kd/core';
import { readSafetensors, writeSafetensors } from '@kd/weights';
import { describe, expect, test } from 'vitest';
import { config, kd, kdProcess, root, temporaryFolder } from './kd.js';

/** See tests/reference/torch_checkpoints.py. */
const sample = (name: string): string => join(root, 'tests/reference/torch', name);

interface Inspected {
  readonly container: string;
  readonly map: string | null;
  readonly tensors: Readonly<
    Record<string, { readonly shape: number[]; readonly dtype: string; readonly refused?: string }>
  >;
  readonly meta: Readonly<Record<string, unknown>>;
}

describe('kd weights inspect', () => {
  test('tells container, place, names, dtypes and meta of a checkpoint', async () => {
    const { code, stdout } = await kdProcess(['weights', 'inspect', sample('mmengine_legacy.pth')]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/container {2}torch, the container from before 1\.6/);
    expect(stdout).toMatch(/weights {4}2 tensors under "state_dict"/);
    expect(stdout).toMatch(/note {7}"state_dict" was taken: mmengine keeps the averaged weights there/);
    expect(stdout).toMatch(/meta {7}cfg: "model = dict\(/);
    expect(stdout).toMatch(/backbone\.conv1\.weight {3}\[2, 3, 1, 1\] {2}F32/);
  });

  test('the same as JSON; text of a config stays text', async () => {
    const { stdout } = await kd(['weights', 'inspect', sample('mmengine.pth'), '--json']);
    const found = JSON.parse(stdout) as Inspected;
    expect(found).toMatchObject({
      container: 'zip',
      map: null,
      tensors: { 'backbone.conv1.weight': { shape: [2, 3, 1, 1], dtype: 'F32' } },
    });
    expect(found.meta).toMatchObject({ epoch: 12, cfg: expect.stringContaining("__import__('os')") as string });
  });

  test.each([
    ['tar.pth', 'tar'],
    ['plain.safetensors', 'safetensors'],
  ])('%s', async (name, container) => {
    const { stdout } = await kd(['weights', 'inspect', sample(name), '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, container });
  });

  test('a tensor that nobody can have is listed with the reason', async () => {
    const { stdout } = await kd(['weights', 'inspect', sample('kinds.pth'), '--json']);
    expect((JSON.parse(stdout) as Inspected).tensors).toMatchObject({
      uint16: { shape: [2], dtype: 'U16' },
      sparse: { shape: [3, 4], refused: 'sparse' },
    });
  });

  test('a file that is none is one error', async () => {
    const file = join(temporaryFolder(), 'page.pth');
    writeFileSync(file, '<!DOCTYPE html><title>Sign in</title>');
    const { code, stdout } = await kd(['weights', 'inspect', file, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      ok: false,
      error: { code: 'CHECKPOINT_INVALID', message: expect.stringMatching(/a web page.*download it again/s) as string },
    });
  });
});

describe('kd convert', () => {
  test('keep: every tensor under its own name and dtype, the others named', async () => {
    const out = join(temporaryFolder(), 'out.safetensors');
    const { code, stdout } = await kdProcess(['convert', sample('kinds.pth'), out, '--names', 'keep', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      names: 'keep',
      tensors: 5,
      leftOut: ['complex', 'conjugated', 'quantised', 'per_channel', 'sparse', 'rows', 'meta'].map((name) => ({
        name,
      })),
    });
    expect((await readSafetensors(out)).tensors).toEqual((await readSafetensors(sample('kinds.safetensors'))).tensors);
  });

  test('keep: nested dicts and lists with / between, and what the training said as text', async () => {
    const folder = temporaryFolder();
    await kd(['convert', sample('nested.pth'), join(folder, 'a.safetensors'), '--names', 'keep']);
    expect((await readSafetensors(join(folder, 'a.safetensors'))).tensors).toEqual(
      (await readSafetensors(sample('nested.safetensors'))).tensors,
    );
    await kd([
      'convert',
      sample('mmengine.pth'),
      join(folder, 'b.safetensors'),
      '--names',
      'keep',
      '--key',
      'ema_state_dict',
    ]);
    const { tensors, metadata } = await readSafetensors(join(folder, 'b.safetensors'));
    expect(tensors).toEqual((await readSafetensors(sample('mmengine_raw.safetensors'))).tensors);
    expect(JSON.parse(metadata['meta']!)).toMatchObject({ epoch: 12 });
  });

  test.each<[string, string[], string, RegExp]>([
    ['names that no map knows', ['plain.pth', 'o.safetensors'], 'CHECKPOINT_INVALID', /no map knows.*--names keep/],
    [
      'other names than there are',
      ['plain.pth', 'o.safetensors', '--names', 'torch'],
      'USAGE',
      /there are kd, torchvision, mmdet, keep/,
    ],
    ['another ending', ['plain.pth', 'o.pth'], 'USAGE', /ends with \.safetensors/],
    [
      'names kept and changed',
      ['plain.pth', 'o.safetensors', '--names', 'keep', '--prefix', 'a'],
      'USAGE',
      /leave prefix and rename out/,
    ],
    [
      'a key that is not there',
      ['two_models.pth', 'o.safetensors', '--key', 'modle'],
      'CHECKPOINT_INVALID',
      /Did you mean "model"/,
    ],
  ])('%s: one error, and nothing is written', async (_, [from, to, ...more], code, message) => {
    const folder = temporaryFolder();
    const { stdout } = await kd(['convert', sample(from!), join(folder, to!), ...more, '--json']);
    expect(JSON.parse(stdout)).toEqual({
      ok: false,
      error: { code, message: expect.stringMatching(message) as string },
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('the file that is read is not written over, by whatever name', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'w.safetensors');
    copyFileSync(sample('plain.safetensors'), file);
    symlinkSync(file, join(folder, 'link.safetensors'));
    linkSync(file, join(folder, 'hard.safetensors'));
    for (const to of ['w', 'link', 'hard', '../' + folder.split('/').at(-1)! + '/w']) {
      const { code, stderr } = await kd(['convert', file, join(folder, `${to}.safetensors`), '--names', 'keep']);
      expect(stderr).toMatch(/is the file that is read/);
      expect(code).toBe(2);
    }
    expect(readFileSync(file)).toEqual(readFileSync(sample('plain.safetensors')));
  });
});

describe('weights of mmdetection', () => {
  test('a run tells what their config says of pixels and stride, and the student does not', async () => {
    const file = join(temporaryFolder(), 'start.safetensors');
    const cfg = `model = dict(
      backbone=dict(type='ResNet', depth=50, style='caffe'),
      data_preprocessor=dict(mean=[103.53, 116.28, 123.675], std=[1.0, 1.0, 1.0], bgr_to_rgb=False))`;
    const bias = (length: number) => ({ dtype: 'F32', shape: [length], data: new Float32Array(length) });
    const tensors = new Map([
      ['bbox_head.retina_cls.bias', bias(18)],
      ['bbox_head.retina_reg.bias', bias(36)],
    ]);
    await writeSafetensors(file, tensors as NamedTensors, { meta: JSON.stringify({ cfg }) });
    const backbone = { block: 'bottleneck', layers: [1, 1, 1, 1], width: 4 };
    const student = JSON.stringify(['retinanet', { backbone, fpnChannels: 8, input: { fixedSize: [64, 64] } }]);
    const { code, stderr } = await kd([
      'plan',
      config('alone.config.ts'),
      '--set',
      `init=${file}`,
      '--set',
      `student=${student}`,
    ]);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(
      /meta\.cfg what the student's options do not: flavour: 'mmdet', input\.mean: \[103\.53,.*input\.channels: "bgr".*1x1/,
    );
  });
});
