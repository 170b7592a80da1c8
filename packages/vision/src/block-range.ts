import { KdError } from '@kd/core';

/** What a head that can be cut is asked to run, as `StagedHead.run` has it. */
export interface BlockRun {
  readonly level: number;
  readonly from?: number;
  readonly to?: number;
}

/**
 * Which blocks a run of a staged head goes through, and whether the predictions follow.
 * @param head for the message: `retinanet head, branch cls`
 * @param depth blocks of the tower
 * @param levels how many levels, or stages, there are
 * @throws KdError USAGE for blocks or a level that there are not
 */
export function blockRange(
  head: string,
  { level, from = 0, to }: BlockRun,
  { depth, levels }: { readonly depth: number; readonly levels: number },
): { readonly from: number; readonly to: number; readonly predicts: boolean } {
  const whole = depth + 1;
  const end = to ?? whole;
  if (!Number.isInteger(from) || !Number.isInteger(end) || from < 0 || from >= whole || end < from || end > whole) {
    throw new KdError(
      'USAGE',
      `${head}: cannot run blocks ${from} to ${end}; the tower has ${depth} blocks and \`to: ${whole}\` includes the predictions.`,
    );
  }
  if (!Number.isInteger(level) || level < 0 || level >= levels)
    throw new KdError('USAGE', `${head}: there is no level ${level}; there are ${levels}, the first is 0.`);
  return { from, to: Math.min(end, depth), predicts: end === whole };
}
