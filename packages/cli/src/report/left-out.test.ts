import { expect, test } from 'vitest';
import type { Findings } from '@kd/report/page';
import { leftOutOf } from './left-out.js';
import { NO_IMAGES } from './report-parts.js';

const plan = { value: [] };
const FOUND = { value: {} as Findings };

test('what a page cannot show is told once, with the run; what was asked for is not', () => {
  const why = 'Its detections.json cannot be read.';
  const whole = { name: 'ssim-0', damaged: 0, plan };
  const broken = { name: 'ssim-1', damaged: 1, plan: { why: 'Its plan.json cannot be shown.' } };
  expect(
    leftOutOf([whole, broken], {
      findings: [FOUND, { why }],
      sideBySide: { why },
      featureMaps: [{ why }],
    }),
  ).toEqual([
    'ssim-1: 1 line of its metrics.jsonl cannot be read.',
    'ssim-1: Its plan.json cannot be shown.',
    `ssim-1: ${why}`,
  ]);
  const pictures = { sideBySide: { why: NO_IMAGES }, featureMaps: [{ why: 'No teacher.' }, { why: 'No teacher.' }] };
  expect(leftOutOf([whole], { findings: [FOUND], ...pictures })).toEqual(['No teacher.']);
});
