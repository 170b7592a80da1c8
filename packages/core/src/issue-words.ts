import type { StandardSchemaV1 } from '@standard-schema/spec';
import * as v from 'valibot';
import { closest, suggestion } from './errors.js';
import { type SchemaNode as Node, unwrapped } from './schema-node.js';
import { shown } from './shown.js';

type Issue = StandardSchemaV1.Issue | v.BaseIssue<unknown>;

const isOfValibot = (issue: Issue): issue is v.BaseIssue<unknown> => 'received' in issue && 'expected' in issue;

/**
 * A fault of a config or of options in words: what has to stand there, what does, and what to write where that can be
 * told. A schema's own words stay.
 * @param noun what its keys are called
 */
export function issueWords(issue: Issue, schema: unknown, noun: 'key' | 'option'): string {
  if (!isOfValibot(issue) || !issue.message.startsWith('Invalid ')) return issue.message;
  const { type, expected, received, input, path = [] } = issue;
  if (type === 'strict_object' && expected === 'never') {
    const known = keysOf(nodeAt(schema, path.slice(0, -1), path.at(-1)?.input));
    const meant = suggestion(String(path.at(-1)?.key), known);
    return `there is no such ${noun}; ${meant === '' ? `known are ${known.join(', ')}` : meant}`;
  }
  if (received === 'undefined' && path.length > 0) return 'is missing';
  const node = nodeAt(schema, path, input);
  const wanted = wantedWords(issue, node);
  if (wanted === undefined) return issue.message;
  const names = /^\(?"/.test(expected ?? '') && typeof input === 'string' ? namesIn(expected!) : [];
  const meant = names.length > 0 ? suggestion(input as string, names) : '';
  const form = names.length > 0 || path.length === 0 ? undefined : meantBy(node, input);
  return `must ${wanted}; got ${shown(input)}${meant === '' ? '' : `; ${meant}`}${form === undefined ? '' : `: write ${written(form, node)}`}`;
}

const BOUNDS: Readonly<Record<string, string>> = {
  '>=': 'at least',
  '<=': 'at most',
  '>': 'more than',
  '<': 'less than',
};
const TYPES: Readonly<Record<string, string>> = {
  string: 'be a text',
  number: 'be a number',
  boolean: 'be true or false',
  integer: 'be a whole number',
  finite: 'be a finite number',
  array: 'be a list',
  record: 'be { name: … }',
  non_empty: 'not be empty',
};

/** What follows "must"; undefined where the schema's words have to do. */
function wantedWords({ type, expected }: v.BaseIssue<unknown>, node: Node): string | undefined {
  const [, bound, value] = /^([<>]=?)(.+)$/.exec(expected ?? '') ?? [];
  if (bound !== undefined) return `${type.endsWith('_value') ? 'be' : 'have'} ${BOUNDS[bound]!} ${value!}`;
  if (/^\(?"/.test(expected ?? ''))
    return `be ${namesIn(expected!)
      .map((name) => `"${name}"`)
      .join(', ')
      .replace(/, ([^,]*)$/, ' or $1')}`;
  if (TYPES[type] !== undefined) return TYPES[type];
  if (node.items !== undefined && expected === 'Array') return `be a list of ${node.items.length}`;
  const keys = keysOf(node);
  return expected === 'Object' && keys.length > 0 ? `be { ${keys.join(', ')} }` : undefined;
}

/** Of `("neck" | "head")`. */
const namesIn = (expected: string): string[] => [...expected.matchAll(/"([^"]*)"/g)].map(([, name]) => name!);

/** The names of the keys that the schema of an object knows. */
const keysOf = ({ entries, options = [] }: Node): string[] => [
  ...new Set(
    [entries ?? {}, ...options.map((one) => (one as Node).entries ?? {})].flatMap((each) => Object.keys(each)),
  ),
];

/** The schema at a path of an issue. @param input what lies there */
function nodeAt(schema: unknown, path: readonly v.IssuePathItem[], input: unknown): Node {
  const inner = path.reduce<unknown>((outer, { key, input: around }) => {
    const { entries, options = [], items, item, value } = unwrapped(outer, around);
    const all = Object.assign({}, ...options.map((one) => (one as Node).entries), entries) as Record<string, unknown>;
    return Object.hasOwn(all, String(key)) ? all[String(key)] : (items?.[Number(key)] ?? item ?? value);
  }, schema);
  return unwrapped(inner, input);
}

const fits = (schema: unknown, value: unknown): boolean =>
  schema !== undefined && v.safeParse(schema as v.GenericSchema, value).success;

/** A value of the form that a schema wants, of one that lacks brackets or a key; undefined where none can be told. */
function meantBy(schema: unknown, value: unknown): unknown {
  const node = unwrapped(schema, value);
  if (node.type === undefined || typeof value === 'object') return undefined;
  if (fits(node, value)) return value;
  if (node.type === 'picklist') {
    const names = (node.options ?? []).filter((one) => typeof one === 'string');
    return closest(String(value), names) || undefined;
  }
  if (node.item !== undefined) {
    const one = meantBy(node.item, value);
    return one === undefined ? undefined : [one];
  }
  for (const one of [node, ...(node.type === 'variant' ? (node.options as Node[]) : [])]) {
    const [first] = Object.keys(one.entries ?? {});
    const key = node.key ?? first;
    if (key === undefined || one.entries?.[key] === undefined) continue;
    const inner = meantBy(one.entries[key], value);
    if (inner !== undefined) return { [key]: inner };
  }
  return undefined;
}

/** As it stands in a config; with dots where more is wanted. */
function written(value: unknown, node: Node): string {
  const text = (of: unknown): string =>
    Array.isArray(of)
      ? `[${of.map(text).join(', ')}]`
      : typeof of === 'object' && of !== null
        ? `{ ${Object.entries(of)
            .map(([key, one]) => `${key}: ${text(one)}`)
            .join(', ')} }`
        : JSON.stringify(of);
  return fits(node, value) ? text(value) : text(value).replace(/ \}$/, ', … }');
}
