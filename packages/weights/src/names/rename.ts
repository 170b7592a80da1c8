import { KdError } from '@kd/core';
import { commonPrefix } from './wrappers.js';

/** Rules on names, each on what those before it left. */
export type Rename = readonly (readonly [pattern: RegExp | string, replacement: string])[];

/**
 * Names by the rules.
 * @param names name in the file → name
 * @param where the file, for errors
 * @throws KdError CHECKPOINT_INVALID for a rule that fits no name
 */
export function renamed(names: ReadonlyMap<string, string>, rules: Rename, where: string): Map<string, string> {
  let result = new Map(names);
  for (const [pattern, to] of rules) {
    const rule = new RegExp(pattern);
    const before = [...result.values()];
    result = new Map([...result].map(([name, last]) => [name, last.replace(rule, to)]));
    if (!before.some((name) => rule.test(name))) {
      const common = commonPrefix(before);
      throw new KdError(
        'CHECKPOINT_INVALID',
        `${where}: the rule [${rule.source}, ${to}] of \`rename\` fits no name; there are ${before.slice(0, 3).join(', ')}${before.length > 3 ? ', …' : ''}. ${common === '' ? '' : `All begin with "${common}", and so has the rule to, unless \`prefix\` takes that off. `}Correct it, or leave it out.`,
      );
    }
  }
  return result;
}
