/** Rules on names, each on what those before it left. */
export type Rename = readonly (readonly [pattern: RegExp | string, replacement: string])[];

export const renamed = (name: string, rules: Rename): string =>
  rules.reduce(
    (last, [pattern, to]) => last.replace(typeof pattern === 'string' ? new RegExp(pattern) : pattern, to),
    name,
  );
