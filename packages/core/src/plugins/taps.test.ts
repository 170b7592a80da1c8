import { describe, expect, it } from 'vitest';
import type { Detector, TapInfo } from '../contract/detector.js';
import { matchTaps, TapRegistry } from './taps.js';

const tap = (name: string, stride: number, channels = 4): TapInfo => ({ name, stride, channels });
const neck = [tap('neck@p3', 8), tap('neck@p4', 16)];
const registry = (student: TapInfo[], teacher: TapInfo[]): TapRegistry =>
  new TapRegistry({
    student: { name: 'small', taps: student } as unknown as Detector,
    teacher: { name: 'large', taps: teacher } as unknown as Detector,
  });

describe('matchTaps', () => {
  it('takes names literally but for the star', () => {
    const taps = [tap('a.b', 4), tap('aXb', 4), tap('a.b@p3', 8), tap('c+', 8)];
    expect(matchTaps(taps, 'a.b').map(({ name }) => name)).toEqual(['a.b']);
    expect(matchTaps(taps, 'a.*').map(({ name }) => name)).toEqual(['a.b', 'a.b@p3']);
    expect(matchTaps(taps, ['c+', 'a.b', 'a.*']).map(({ name }) => name)).toEqual(['a.b', 'a.b@p3', 'c+']);
    expect(matchTaps(taps, 'b')).toEqual([]);
  });
});

describe('TapRegistry', () => {
  it('pairs by stride, finest first, whatever the order of declaration', () => {
    const taps = registry([...neck].reverse(), [tap('fpn@x', 16), tap('neck@p3', 8), tap('neck@q', 16)]);
    const pairs = taps.for('p').pair('neck@*');
    expect(pairs.map(({ student, teacher, stride, index }) => [student.name, teacher.name, stride, index])).toEqual([
      ['neck@p3', 'neck@p3', 8, 0],
      ['neck@p4', 'neck@q', 16, 1],
    ]);
  });

  it('requests just what was asked for, once', () => {
    const taps = registry(neck, neck);
    taps.for('p').pair('neck@p3');
    taps.for('q').of('student', 'neck@*');
    expect([taps.requested('student'), taps.requested('teacher')]).toEqual([['neck@p3', 'neck@p4'], ['neck@p3']]);
  });

  it('tells the plugin, the model, what is meant and what there is when a tap does not exist', () => {
    const refused = () => registry(neck, neck).for('ssim').pair('nekc@p3');
    expect(refused).toThrow(expect.objectContaining({ code: 'TAP_UNKNOWN' }));
    expect(refused).toThrow(
      /ssim\.featureTap: the student \(small\).*nekc@p3.*did you mean "neck@p3".*neck@p4 \(stride 16, 4 channels\)/,
    );
  });

  it('refuses a list of which one entry does not exist', () => {
    expect(() => registry(neck, neck).for('p').of('teacher', ['neck@p3', 'neck@p9'])).toThrow(
      /teacher \(large\).*"neck@p9"/,
    );
  });

  it('refuses strides without a partner on either side', () => {
    expect(() => registry(neck, [neck[0]!]).for('p').pair('neck@*')).toThrow(
      expect.objectContaining({
        code: 'TAP_MISMATCH',
        message: expect.stringContaining('strides without a partner: neck@p4'),
      }),
    );
    expect(() => registry([neck[0]!], neck).for('p').pair('neck@*')).toThrow(/strides without a partner: neck@p4/);
  });

  it('refuses two taps of one stride', () => {
    expect(() =>
      registry([tap('neck@a', 8), tap('neck@b', 8)], neck)
        .for('p')
        .pair('neck@*'),
    ).toThrow(/several taps of the student have the same stride/);
  });

  it('refuses other channels with the hint of the plugin, unless it takes any', () => {
    const wide = neck.map(({ name, stride }) => tap(name, stride, 8));
    expect(() => registry(neck, wide).for('p').pair('neck@*', { hint: 'Turn on the adapter.' })).toThrow(
      /neck@p3 has 4 channels, the teacher's neck@p3 has 8.*Turn on the adapter\./,
    );
    expect(registry(neck, wide).for('p').pair('neck@*', { channels: 'any' })).toHaveLength(2);
  });
});
