import { KdError, suggestion } from '@kd/core';

/** What wrappers put before every name: distributed training, compiling, averages, modules that hold a model. */
const WRAPPERS = ['module.', '_orig_mod.'];
/** Models of a distillation that lie in one file. */
const SIDES = ['student.', 'teacher.'];

/**
 * The names that are meant, without what wrappers put before them: name in the file → name. Of a file with a student
 * beside its teacher, one has to be chosen by `prefix`.
 * @param where the file, for errors
 * @throws KdError CHECKPOINT_INVALID
 */
export function unwrapped(
  names: Iterable<string>,
  { prefix, where }: { readonly prefix?: string | undefined; readonly where: string },
): Map<string, string> {
  const all = [...names].map((name) => [name, withoutWrappers(name)] as const);
  if (prefix !== undefined) {
    const chosen = all.flatMap(([name, bare]): [string, string][] =>
      [name, bare].some((one) => one.startsWith(prefix))
        ? [[name, withoutWrappers((name.startsWith(prefix) ? name : bare).slice(prefix.length))]]
        : [],
    );
    if (chosen.length > 0) return new Map(chosen);
    const known = [...new Set(all.map(([name]) => `${name.split('.')[0]!}.`))];
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${where}: no name begins with the prefix "${prefix}"; ${[suggestion(prefix, known), `they begin with ${known.slice(0, 8).join(', ')}${known.length > 8 ? ', …' : ''}`].filter(Boolean).join(' ')}.`,
    );
  }
  const sides = SIDES.filter((side) => all.some(([, bare]) => bare.startsWith(side)));
  if (sides.length === 0) return new Map(all);
  const beside = all.filter(([, bare]) => !sides.some((side) => bare.startsWith(side)));
  if (sides.length > 1)
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${where} holds a student and a teacher: names begin with ${sides.join(' and ')}. Say which is meant: ["…", { "prefix": "${sides[0]!}" }].`,
    );
  // One of them alone, all names below it; or a student with its teacher beside it.
  return beside.length === 0
    ? new Map(all.map(([name, bare]) => [name, withoutWrappers(bare.slice(sides[0]!.length))]))
    : new Map(all);
}

/** The first part of the names, where all have one and the same: `encoder.`; else nothing. */
export function commonPrefix([first = '', ...others]: readonly string[]): string {
  const prefix = first.slice(0, first.indexOf('.') + 1);
  return others.every((name) => name.startsWith(prefix)) ? prefix : '';
}

function withoutWrappers(name: string): string {
  const wrapper = WRAPPERS.find((one) => name.startsWith(one));
  return wrapper === undefined ? name : withoutWrappers(name.slice(wrapper.length));
}
