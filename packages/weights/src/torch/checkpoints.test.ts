import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { HostTensor } from '@kd/core';
import { describe, expect, test } from 'vitest';
import { readSafetensors } from '../safetensors.js';
import { openWeights, type WeightsFile } from '../weights-file.js';

// Written by `python tests/reference/torch_checkpoints.py`; torch itself reads in them what the *.safetensors hold.
const file = (name: string): string =>
  fileURLToPath(new URL(`../../../../tests/reference/torch/${name}`, import.meta.url));

const open = (name: string, key?: string): Promise<WeightsFile> => openWeights(file(name), { key });

async function expectValues(found: ReadonlyMap<string, HostTensor>, expected: string): Promise<void> {
  const { tensors } = await readSafetensors(file(expected));
  expect([...found.keys()].sort()).toEqual([...tensors.keys()].sort());
  for (const [name, { dtype, shape, data }] of tensors) {
    const { data: values, ...rest } = found.get(name)!;
    expect(rest, name).toEqual({ dtype, shape });
    expect([...values], name).toEqual([...data]);
  }
}

describe('the three containers, and every protocol', () => {
  test.each([
    ['protocol2.pth', 'zip', 'state_dict'],
    ['protocol3.pth', 'zip', 'state_dict'],
    ['protocol4.pth', 'zip', 'state_dict'],
    ['protocol5.pth', 'zip', 'state_dict'],
    ['legacy2.pth', 'legacy', 'state_dict'],
    ['legacy4.pth', 'legacy', 'state_dict'],
    ['tar.pth', 'tar', null],
    ['plain.pth', 'zip', null],
    ['big_endian.pth', 'zip', null],
    ['deflated.pth', 'zip', null],
    ['zip64.pth', 'zip', null],
    ['no_sums.pth', 'zip', null],
    ['nested.pth', 'zip', null],
  ])('%s', async (name, container, key) => {
    const weights = await open(name);
    expect({ container: weights.container, key: weights.key }).toEqual({ container, key });
    const stem = name.replace(/\d?\.pth$/, '');
    const expected = ['protocol', 'legacy'].includes(stem)
      ? 'state_dict'
      : ['tar', 'nested'].includes(stem)
        ? stem
        : 'plain';
    await expectValues(weights.values, `${expected}.safetensors`);
  });

  test.each(['protocol2.pth', 'protocol5.pth', 'legacy4.pth'])('%s: its meta, as plain data', async (name) => {
    const { meta } = await open(name);
    expect(meta).toMatchObject({
      text: 'a long text. '.repeat(30),
      tuple: [1, [2, 3, 4], [1, 2, 3, 4, 5]],
      set: ['a'],
      frozen: ['b'],
      bytes: { bytes: 'AP8=' },
      bytearray: { bytes: 'eHl6' },
      big: '1000000000000000000000000000000',
      negative: -(2 ** 40),
      many: { k: [1.5, null, true, false] },
      constructor: 'text',
    });
    expect(Object.keys(meta as object)).toContain('__proto__');
    expect(JSON.stringify(meta)).toContain('"__proto__":{"polluted":true}');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('kinds of tensors', () => {
  test('those with a place on the host keep their dtype and bits', async () => {
    const weights = await open('kinds.pth');
    const usable = [...weights.values].filter(([name]) => weights.tensors.get(name)!.refused === null);
    await expectValues(new Map(usable), 'kinds.safetensors');
  });

  test.each([
    ['complex', 'of dtype complex64', [3, 4]],
    ['conjugated', 'conjugated or negated', [3, 4]],
    ['quantised', 'quantised', [3, 4]],
    ['per_channel', 'quantised', [3, 4]],
    ['sparse', 'sparse', [3, 4]],
    ['rows', 'sparse', [3, 4]],
    ['meta', 'without values (of the device meta)', [2, 5]],
  ])('%s: listed, and refused when somebody wants it', async (name, why, shape) => {
    const weights = await open('kinds.pth');
    expect(weights.tensors.get(name)).toMatchObject({ shape, refused: why });
    expect(() => weights.values.get(name)!.data).toThrow(
      expect.objectContaining({
        code: 'CHECKPOINT_INVALID',
        message: expect.stringContaining(`its tensor "${name}" is ${why}`) as string,
      }) as Error,
    );
  });
});

describe('where the weights lie', () => {
  test.each(['mmengine.pth', 'mmengine_legacy.pth'])('%s: the averaged ones, of state_dict', async (name) => {
    const weights = await open(name);
    expect(weights.key).toBe('state_dict');
    expect(weights.notes.join()).toMatch(/"state_dict" was taken.*averaged/);
    await expectValues(weights.values, 'mmengine.safetensors');
    expect(weights.meta).toMatchObject({
      epoch: 12,
      mmengine_version: '0.10.7',
      cfg: expect.stringContaining("__import__('os')") as string,
      dataset_meta: { classes: ['cat', 'dog'] },
    });
    expect(existsSync('executed')).toBe(false);
  });

  test('the raw ones by key', async () => {
    await expectValues((await open('mmengine.pth', 'ema_state_dict')).values, 'mmengine_raw.safetensors');
  });

  test('two that are one are no question, two that differ are', async () => {
    await expectValues((await open('same_twice.pth')).values, 'plain.safetensors');
    await expect(open('two_models.pth')).rejects.toThrow(
      /several state dicts that differ: "model" \(4 tensors\), "model_ema" \(4 tensors\)\. Choose one by its key/,
    );
    await expectValues((await open('two_models.pth', 'model')).values, 'plain.safetensors');
    await expect(open('two_models.pth', 'modle')).rejects.toThrow(/under the key "modle"\. Did you mean "model"\?/);
  });

  test.each([
    ['whole_model.pth', /no state dict.*torch\.nn\.modules\.linear\.Linear.*torch\.save\(model\.state_dict\(\)/],
    ['script.pth', /a TorchScript program.*state_dict\(\)/],
  ])('%s: what it is, and what to do', async (name, message) => {
    await expect(open(name)).rejects.toThrow(
      expect.objectContaining({
        code: 'CHECKPOINT_INVALID',
        message: expect.stringMatching(message) as string,
      }) as Error,
    );
  });
});
