import type { RunRecord } from '@kd/report/page';
import { expect, test } from 'vitest';
import { meanRecord } from './variant-curves.js';

const record = (
  lines: readonly (readonly [step: number, total: number, ssim: number | null])[],
  ap: number,
): RunRecord =>
  ({
    name: 'ssim-0',
    logs: lines.map(([step, total, ssim]) => ({ step, total, lr: 0.1, terms: { ssim } })),
    evaluations: [{ step: 20, metrics: { AP: ap, APs: -1 } }],
  }) as unknown as RunRecord;

test('means over seeds at the steps that all have; what one lacks is no number', () => {
  const mean = meanRecord('ssim', [
    record(
      [
        [10, 4, 2],
        [20, 2, 1],
        [30, 1, 1],
      ],
      0.2,
    ),
    record(
      [
        [10, 2, 1],
        [20, 4, null],
      ],
      0.4,
    ),
  ]);
  expect(mean).toMatchObject({
    name: 'ssim',
    logs: [
      { step: 10, total: 3, lr: 0.1, terms: { ssim: 1.5 } },
      { step: 20, total: 3, terms: { ssim: null } },
    ],
    evaluations: [{ step: 20, metrics: { AP: expect.closeTo(0.3, 12), APs: null } }],
  });
});
