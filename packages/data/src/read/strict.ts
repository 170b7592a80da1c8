import { KdError } from '@kd/core/plain';
import { correctionLine, type Correction } from './correction.js';

/** @throws KdError DATA_INVALID with the first corrections, if there are any and none are wanted */
export function refuseIfStrict(strict: boolean | undefined, file: string, report: readonly Correction[]): void {
  if (strict !== true || report.length === 0) return;
  const lines = report.slice(0, 5).map((correction) => `  ${correctionLine(correction)}`);
  const more = report.length > 5 ? [`  and ${report.length - 5} more`] : [];
  throw new KdError('DATA_INVALID', [
    `${file}: ${report.length} ${report.length === 1 ? 'finding' : 'findings'}, and strict mode corrects nothing; correct the annotations:`,
    ...lines,
    ...more,
  ]);
}
