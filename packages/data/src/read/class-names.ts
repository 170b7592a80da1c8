import { KdError, suggestion } from '@kd/core/plain';
import { distinct } from './choose-categories.js';

/** Without a list in the files: the names given; else those wanted, and behind them what the files hold besides. */
export function classNames(
  given: readonly string[] | undefined,
  wanted: readonly string[] | undefined,
  held: readonly string[],
): readonly string[] {
  if (given !== undefined) return distinct(given);
  return [...new Set([...(wanted ?? []), ...[...held].sort()])];
}

/** @throws KdError DATA_INVALID */
export function unknownClass(name: string, classes: readonly string[], where: string): never {
  const hint = suggestion(name, classes);
  throw new KdError(
    'DATA_INVALID',
    `${where}: the class "${name}" is unknown${hint === '' ? '' : ` (${hint})`}; the classes are ${classes.join(', ')}.`,
  );
}
