import { printable } from '@kd/core/plain';
import { type Correction, correctionLine } from '../read/correction.js';
import type { CheckResult } from './check.js';

/** The result of {@link checkDataset} for a person to read, without a line break at the end. */
export function checkText(result: CheckResult): string {
  if (!result.ok)
    return [
      `not usable: ${result.error.message}`,
      ...(result.report.length === 0 ? [] : corrections(result.report)),
    ].join('\n');
  const { name, classes, images, report } = result;
  const perClass = new Map(classes.map((one) => [one, { boxes: 0, images: 0 }]));
  for (const { names } of images) {
    for (const one of names) perClass.get(one)!.boxes++;
    for (const one of new Set(names)) perClass.get(one)!.images++;
  }
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  const empty = images.filter(({ boxes }) => boxes.length === 0).length;
  return [
    `usable: ${images.length} images, all decoded; ${sum(images.map(({ boxes }) => boxes.length))} boxes, ${sum(images.map(({ iscrowd }) => sum(iscrowd)))} of them to ignore; ${empty} images without a box (${name})`,
    ...[...perClass]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([one, { boxes, images }]) =>
        boxes === 0
          ? `  ${one}: 0 boxes: it can be neither learned nor measured`
          : `  ${one}: ${boxes} boxes in ${images} images`,
      ),
  ]
    .map(printable)
    .concat(corrections(report))
    .join('\n');
}

function corrections(report: readonly Correction[]): string[] {
  const actions = (['dropped', 'clipped', 'noted'] as const).map(
    (action) => `${report.filter((entry) => entry.action === action).length} ${action}`,
  );
  return [
    report.length === 0 ? 'nothing had to be corrected' : `corrected: ${actions.join(', ')}`,
    ...report.map((entry) => `  ${correctionLine(entry)}`),
  ].map(printable);
}
