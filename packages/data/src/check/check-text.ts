import { correctionLine } from '../read/correction.js';
import type { CheckResult } from './check.js';

/** The result of {@link checkDataset} for a person to read, without a line break at the end. */
export function checkText(result: CheckResult): string {
  if (!result.ok) return `not usable: ${result.error.message}`;
  const { images, report } = result;
  const perClass = new Map<string, { boxes: number; images: number }>();
  for (const { names } of images) {
    for (const name of names)
      perClass.set(name, { boxes: (perClass.get(name)?.boxes ?? 0) + 1, images: perClass.get(name)?.images ?? 0 });
    for (const name of new Set(names)) perClass.get(name)!.images++;
  }
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  const actions = (['dropped', 'clipped', 'noted'] as const).map(
    (action) => `${report.filter((entry) => entry.action === action).length} ${action}`,
  );
  const empty = images.filter(({ boxes }) => boxes.length === 0).length;
  return [
    `usable: ${images.length} images, all decoded; ${sum(images.map(({ boxes }) => boxes.length))} boxes, ${sum(images.map(({ iscrowd }) => sum(iscrowd)))} of them to ignore; ${empty} images without a box`,
    ...[...perClass]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `  ${name}: ${count.boxes} boxes in ${count.images} images`),
    report.length === 0 ? 'nothing had to be corrected' : `corrected: ${actions.join(', ')}`,
    ...report.map((entry) => `  ${correctionLine(entry)}`),
  ].join('\n');
}
