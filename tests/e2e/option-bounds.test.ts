import { parseOptions, type PluginDefinition } from '@kd/core';
import { cwd, fbkd, fgd } from '@kd/plugin-attention';
import { crosskd } from '@kd/plugin-crosskd';
import { defeat, fgfi, fitnets } from '@kd/plugin-imitation';
import { kd, rkd } from '@kd/plugin-logits';
import { mgd } from '@kd/plugin-masked';
import { pkd } from '@kd/plugin-pkd';
import { prototype } from '@kd/plugin-prototype';
import { ssim } from '@kd/plugin-ssim';
import { describe, expect, test } from 'vitest';

interface Node {
  readonly type?: string;
  readonly wrapped?: Node;
  readonly item?: Node;
  readonly entries?: Readonly<Record<string, Node>>;
  readonly options?: readonly Node[];
  readonly pipe?: readonly Node[];
}

/** Paths of the numbers in a valibot schema that have no upper bound. */
function unbounded(node: Node, path = ''): string[] {
  if (node.type === 'number') return node.pipe?.some(({ type }) => type === 'max_value') === true ? [] : [path];
  return [
    ...(node.wrapped === undefined ? [] : unbounded(node.wrapped, path)),
    ...(node.item === undefined ? [] : unbounded(node.item, `${path}[]`)),
    ...Object.entries(node.entries ?? {}).flatMap(([key, entry]) =>
      unbounded(entry, path === '' ? key : `${path}.${key}`),
    ),
    ...(Array.isArray(node.options) ? node.options.filter((one) => typeof one === 'object') : []).flatMap((one) =>
      unbounded(one as Node, path),
    ),
  ];
}

describe('numbers in the options of distillers have upper bounds', () => {
  const all = { crosskd, cwd, defeat, fbkd, fgd, fgfi, fitnets, kd, mgd, pkd, prototype, rkd, ssim };
  test.each(Object.entries(all))('%s', (name, { definition }) => {
    expect(unbounded(definition.options as Node)).toEqual([]);
    expect(() =>
      parseOptions(
        (definition as PluginDefinition).options,
        { [name === 'ssim' ? 'window' : 'weight']: 1e9 + 1 },
        name,
      ),
    ).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
