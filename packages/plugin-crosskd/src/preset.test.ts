import { readFileSync } from 'node:fs';
import { configSchema, type DistillerEntry } from '@kd/core';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import * as exported from './index.js';

describe('crosskd+pkd', () => {
  it.each([
    ['gfl', 6],
    ['atss', 1],
    ['retinanet', 2],
    ['fcos', 2],
    ['somebody-elses', 2],
  ])('gives PKD for %s the weight of the paper: %d', (student, weight) => {
    const list: DistillerEntry[] = exported.crosskdPkd(student);
    expect(list).toEqual(['crosskd', ['pkd', { weight }]]);
    expect(v.parse(configSchema.entries.distillers, [...list, 'ssim'])).toHaveLength(3);
  });

  it('stands in the manifest under the name of its export', () => {
    const { kd } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      kd: { kind: string; name: string; export?: string }[];
    };
    const preset = kd.find(({ kind }) => kind === 'preset')!;
    expect(preset).toMatchObject({ name: 'crosskd+pkd', export: 'crosskdPkd' });
    expect(exported).toHaveProperty(preset.export!);
  });
});
