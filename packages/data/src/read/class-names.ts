import { type Category, KdError, suggestion } from '@kd/core/plain';
import { distinct } from './choose-categories.js';
import { attempt, type TellFault } from './faults.js';

/** Without a list in the files: the names given; else those wanted, and behind them what the files hold besides. */
export function classNames(
  given: readonly string[] | undefined,
  wanted: readonly string[] | undefined,
  held: readonly string[],
): readonly string[] {
  if (given !== undefined) return distinct(given);
  return [...new Set([...(wanted ?? []), ...[...held].sort()])];
}

/** Classes of files that have no ids: 1 to K in the order of the labels. */
export const numbered = (names: readonly string[]): readonly Category[] =>
  names.map((name, label) => ({ id: label + 1, name }));

/** The label of a class; one that is unknown is told with where it stands, and has null. */
export function labelsOf(classes: readonly string[], tell: TellFault): (name: string, where: string) => number | null {
  const labels = new Map(classes.map((name, label) => [name, label]));
  return (name, where) => labels.get(name) ?? attempt(tell, () => unknownClass(name, classes, where));
}

/** @throws KdError DATA_INVALID */
function unknownClass(name: string, classes: readonly string[], where: string): never {
  const hint = suggestion(name, classes);
  throw new KdError(
    'DATA_INVALID',
    `${where}: the class "${name}" is unknown${hint === '' ? '' : ` (${hint})`}; the classes are ${classes.join(', ')}.`,
  );
}
