import { builtinModules } from 'node:module';

export const KINDS = ['distiller', 'detector', 'teacher'] as const;

export type Kind = (typeof KINDS)[number];

export interface Naming {
  /** What a config says: `my-distiller`. */
  readonly name: string;
  /** What the registry says: `kd-plugin-my-distiller`, under which the name is found without a manifest. */
  readonly packageName: string;
}

const PREFIX: Readonly<Record<Kind, string>> = {
  distiller: 'kd-plugin-',
  detector: 'kd-detector-',
  teacher: 'kd-teacher-',
};

/**
 * Reads `my-distiller`, `kd-plugin-my-distiller` or `@me/my-distiller`.
 * @throws Error when no package, or nothing in a config, can be called that
 */
export function naming(kind: Kind, given: string): Naming {
  const scoped = /^(@[^/]+\/)?(.*)$/.exec(given)!;
  const name = scoped[2]!.startsWith(PREFIX[kind]) ? scoped[2]!.slice(PREFIX[kind].length) : scoped[2]!;
  const packageName = scoped[1] === undefined ? `${PREFIX[kind]}${name}` : given;
  const problem = nameProblem(name) ?? packageProblem(packageName);
  if (problem !== null)
    throw new Error(
      `"${given}" cannot be the name of a package: ${problem}. Take lower-case words with hyphens, such as my-${kind} or @me/my-${kind}.`,
    );
  return { name, packageName };
}

const nameProblem = (name: string): string | null =>
  name === ''
    ? 'there is nothing in it'
    : /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)
      ? null
      : `"${name}" is not made of lower-case words with hyphens`;

function packageProblem(name: string): string | null {
  if (name.length > 214) return 'it is longer than the 214 characters that npm takes';
  const scope = /^@([^/]+)\//.exec(name)?.[1];
  if (scope !== undefined && !/^[a-z0-9][a-z0-9._-]*$/.test(scope)) return `npm takes no scope "@${scope}"`;
  return builtinModules.includes(name) ? 'Node has a module of that name' : null;
}

/** Words that cannot name a constant of a module. */
const RESERVED = new Set(
  (
    'await break case catch class const continue debugger default delete do else enum eval export extends false finally for function if implements import in instanceof interface let new null package ' +
    'private protected public return static super switch this throw true try typeof var void while with yield arguments'
  ).split(' '),
);

/**
 * `my-distiller` as a constant, `myDistiller`; `classDistiller` where the word alone is taken by the language or by the
 * code around it.
 */
export function constantName(kind: Kind, name: string, code: string): string {
  const camel = name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  const words = new Set(code.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, '').match(/[\w$]+/g));
  const taken = RESERVED.has(camel) || words.has(camel);
  return taken ? `${camel}${kind[0]!.toUpperCase()}${kind.slice(1)}` : camel;
}
