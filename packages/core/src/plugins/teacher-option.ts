import type { PluginDefinition } from '../contract/plugin.js';
import type { Use } from '../define.js';
import { entriesOf } from '../derived-options.js';
import { KdError, suggestion } from '../errors.js';

/** The teacher that a plugin learns from, and its options without that word. */
export interface NamedTeacher {
  readonly name: string;
  readonly options: unknown;
}

/**
 * The option `teacher` that every plugin has: the name of one of several teachers. A plugin that has an option of that
 * name itself keeps it.
 * @throws KdError CONFIG_INVALID where it names none, or is left out with several
 */
export function teacherNamed(
  id: string,
  { definition, options }: Use<PluginDefinition>,
  names: readonly string[],
): NamedTeacher {
  const own = entriesOf(definition.options);
  const { teacher, ...rest } = (typeof options === 'object' && options !== null ? options : {}) as {
    readonly teacher?: unknown;
  };
  const given = own !== undefined && Object.hasOwn(own, 'teacher') ? undefined : teacher;
  const there = names.map((name) => `"${name}"`).join(', ');
  if (given === undefined) {
    if (names.length === 1) return { name: names[0]!, options };
    throw new KdError(
      'CONFIG_INVALID',
      `distiller "${id}": there are several teachers: ${there}. Say which it learns from: ["${definition.name}", { teacher: ${there.split(',')[0]} }].`,
    );
  }
  if (typeof given === 'string' && names.includes(given)) return { name: given, options: rest };
  const meant = suggestion(String(given), names);
  throw new KdError(
    'CONFIG_INVALID',
    `distiller "${id}": teacher ${JSON.stringify(given)} is none of the run; ${meant === '' ? `there ${names.length === 1 ? 'is' : 'are'} ${there}.` : meant}`,
  );
}
