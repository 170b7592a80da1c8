import type { BankLevel } from './bank.js';

/** Per prototype of a level, the instances that it explains best, the best first: rows of the instances, without its own. */
export function explainedBy({ best, share, instance }: BankLevel, most: number): readonly (readonly number[])[] {
  const rows: number[][] = Array.from(instance, () => []);
  best.forEach((prototype, row) => {
    if (prototype >= 0 && instance[prototype] !== row) rows[prototype]!.push(row);
  });
  return rows.map((own) => own.sort((a, b) => share[b]! - share[a]! || a - b).slice(0, most));
}
