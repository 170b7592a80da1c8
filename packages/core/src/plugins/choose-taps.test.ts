import { describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { parseOptions } from '../options.js';
import { chooseTaps, tapsOption } from './choose-taps.js';

const map = (name: string, stride: number, channels: number) => ({ name, stride, channels });
const found = [map('stem', 4, 8), map('a/1', 8, 16), map('a/2', 8, 16), map('b/1', 16, 32), map('b/2', 16, 48)];

describe('the taps of a network', () => {
  it('are the last map of every stride where nobody says more', () =>
    expect(chooseTaps('teacher "x"', found, undefined)).toEqual([
      { ...map('stem', 4, 8), map: 'stem' },
      { ...map('a/2', 8, 16), map: 'a/2' },
      { ...map('b/2', 16, 48), map: 'b/2' },
    ]));

  it('are those of a list, each once and in the order of the network', () =>
    expect(chooseTaps('teacher "x"', found, ['b/*', 'a/2', 'b/2']).map(({ name }) => name)).toEqual([
      'a/2',
      'b/1',
      'b/2',
    ]));

  it('have names of their own', () =>
    expect(chooseTaps('teacher "x"', found, { c3: 'a/2', c2: 'st*' })).toEqual([
      { ...map('c3', 8, 16), map: 'a/2' },
      { ...map('c2', 4, 8), map: 'stem' },
    ]));

  it('are a list, which a single name is not', () =>
    expect(() => parseOptions(v.strictObject({ taps: tapsOption }), { taps: 'stem' }, 'x')).toThrow(
      /taps: must be a list of names of maps, .*: write \["stem"\]$/,
    ));

  it('are told what there is', () => {
    expect(() => chooseTaps('teacher "x"', found, ['layer/*'])).toThrow(
      /^teacher "x" has no map that matches "layer\/\*"\. It has: stem \(stride 4, 8 channels\), /,
    );
    expect(() => chooseTaps('teacher "x"', found, { c3: 'a*' })).toThrow(
      /the tap "c3" is one map, and "a\*" matches 2: a\/1 \(stride 8/,
    );
    expect(() => chooseTaps('teacher "x"', [], undefined)).toThrow(/has no map/);
  });
});
