import { describe, expect, test } from 'vitest';
import { casesOf, goldenAreas, goldenRoots, statusOf } from './support/index.js';

/** The lists of cases that an index may have. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  baselines: ['cases'],
  crosskd: ['cases'],
  eval: ['coco', 'voc'],
  ops: ['cases'],
  prototype: ['cases'],
  ssim: ['cases'],
};

/** What an index says of all its cases: read by the area's test, or words. */
const OF_ALL: Readonly<Record<string, readonly string[]>> = {
  eval: ['coco_params'],
  ops: ['tables', 'tensors'],
  ssim: ['defaults', 'constants'],
};
const WORDS = [
  ...['title', 'method', 'methods', 'layout', 'precision', 'toleranceMeaning', 'storedDtype', 'computedDtype', 'seed'],
  ...['profile', 'kernels', 'tensors', 'tolerance', 'versions', 'torch', 'made_with', 'generator', 'conventions'],
  ...['confirmed', 'official_check', 'note'],
];

// A golden folder may hold what nobody here has heard of. Then the suite must fail, not pass it over.
describe.each(goldenRoots().map((root) => [root.name, root] as const))('areas, %s', (_, root) => {
  if (root.missing !== null) {
    test.skip(`skipped: ${root.missing}`, () => {});
    return;
  }
  const areas = goldenAreas(root);

  test('there are areas', () => expect(areas.length).toBeGreaterThan(0));

  for (const area of areas) {
    test(`area ${area.name} is built or listed as not built yet`, () =>
      expect(statusOf('area', area.name)).not.toBe('unknown'));
  }

  for (const area of areas.filter(({ name }) => name in LISTS)) {
    test(`index of ${area.name}: every list of cases is tested, every other key is known`, () => {
      const known = [...LISTS[area.name]!, ...(OF_ALL[area.name] ?? []), ...WORDS];
      expect(Object.keys(area.index).filter((key) => !known.includes(key))).toEqual([]);
    });
  }

  for (const area of areas.filter((one) => one.name === 'ops')) {
    const ops = [...new Set(casesOf<{ op: string }>(area).map((one) => one.op))];
    test.each(ops)('op %s is built or listed as not built yet', (op) => expect(statusOf('op', op)).not.toBe('unknown'));
  }

  for (const area of areas.filter((one) => one.name === 'baselines')) {
    const methods = [...new Set(casesOf<{ method: string }>(area).map((one) => one.method))];
    test.each(methods)('baseline %s is built or listed as not built yet', (method) =>
      expect(statusOf('baseline', method)).not.toBe('unknown'),
    );
  }

  for (const area of areas.filter((one) => one.name === 'prototype')) {
    const kinds = [...new Set(casesOf<{ kind: string }>(area).map((one) => one.kind))];
    test.each(kinds)('prototype %s is built or listed as not built yet', (kind) =>
      expect(statusOf('prototype', kind)).not.toBe('unknown'),
    );
  }

  for (const area of areas.filter((one) => one.name === 'mmdet')) {
    test.each(area.members.map(({ name, index }) => [name, String(index['detector'])]))(
      'detector of mmdet/%s, %s, is built or listed as not built yet',
      (_, detector) => expect(statusOf('mmdet', detector)).not.toBe('unknown'),
    );
  }

  for (const area of areas.filter((one) => one.name === 'detectors')) {
    for (const member of area.members) {
      const { detector } = member.index;
      if (typeof detector === 'string') {
        test(`detector ${detector} of ${member.name} is built or listed as not built yet`, () =>
          expect(statusOf('detector', detector)).not.toBe('unknown'));
      } else {
        test(`checkpoint samples ${member.name} are read or listed as not built yet`, () =>
          expect(statusOf('checkpoint', member.name)).not.toBe('unknown'));
      }
    }
  }
});
