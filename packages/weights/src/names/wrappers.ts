import { KdError, suggestion } from '@kd/core';
import type { LeftOut } from './translate.js';

/** What wrappers put before every name: distributed training, compiling, averages, modules that hold a model. */
const WRAPPERS = ['module.', '_orig_mod.'];
/** Models of a distillation that lie in one file. */
const SIDES = ['student.', 'teacher.'];

export interface Unwrapped {
  /** The names that are meant, without what wrappers put before them: name in the file → name. */
  readonly names: ReadonlyMap<string, string>;
  /** Names of another model that lies beside the one that is meant without being asked for. */
  readonly beside: readonly LeftOut[];
}

/**
 * Names without what wrappers put before them. Of a file with a student beside its teacher, both under a prefix, one
 * has to be chosen by `prefix`.
 * @param where the file, for errors
 * @throws KdError CHECKPOINT_INVALID
 */
export function unwrapped(
  names: Iterable<string>,
  { prefix: given, where }: { readonly prefix?: string | undefined; readonly where: string },
): Unwrapped {
  const all = [...names].map((name) => [name, withoutWrappers(name)] as const);
  if (given !== undefined) {
    // `student` is `student.` where that is the module.
    const module = `${given}.`;
    const prefix = all.some(([name, bare]) => name.startsWith(module) || bare.startsWith(module)) ? module : given;
    const chosen = all.flatMap(([name, bare]): [string, string][] =>
      [name, bare].some((one) => one.startsWith(prefix))
        ? [[name, withoutWrappers((name.startsWith(prefix) ? name : bare).slice(prefix.length))]]
        : [],
    );
    if (chosen.length > 0) return { names: new Map(chosen), beside: [] };
    const known = [...new Set(all.map(([name]) => `${name.split('.')[0]!}.`))];
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${where}: no name begins with the prefix "${prefix}"; ${[suggestion(prefix, known), `they begin with ${known.slice(0, 8).join(', ')}${known.length > 8 ? ', …' : ''}`].filter(Boolean).join(' ')}.`,
    );
  }
  const sides = SIDES.filter((side) => all.some(([, bare]) => bare.startsWith(side)));
  const [side] = sides;
  if (side === undefined) return { names: new Map(all), beside: [] };
  if (sides.length > 1)
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${where} holds a student and a teacher: names begin with ${sides.join(' and ')}. Say which is meant: ["…", { "prefix": "${side}" }] in a config, --prefix ${side} on the command line.`,
    );
  const below = all.filter(([, bare]) => bare.startsWith(side));
  if (below.length === all.length)
    return { names: new Map(all.map(([name, bare]) => [name, withoutWrappers(bare.slice(side.length))])), beside: [] };
  const why = `the ${side.slice(0, -1)} of a distillation beside the model; prefix "${side}" takes it`;
  return {
    names: new Map(all.filter(([, bare]) => !bare.startsWith(side))),
    beside: below.map(([name]) => ({ name, why })),
  };
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
