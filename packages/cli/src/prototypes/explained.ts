import type { BankLevel } from './bank.js';

/**
 * Per prototype of a level, the instances that it is nearest to, the nearest first: rows of the instances, without its
 * own.
 */
export function explainedBy({ nearest, cosine, instance }: BankLevel, most: number): readonly (readonly number[])[] {
  const rows: number[][] = Array.from(instance, () => []);
  nearest.forEach((prototype, row) => {
    if (prototype >= 0 && instance[prototype] !== row) rows[prototype]!.push(row);
  });
  return rows.map((own) => own.sort((a, b) => cosine[b]! - cosine[a]! || a - b).slice(0, most));
}
