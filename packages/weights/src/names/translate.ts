import type { NameMap } from './name-map.js';
import { compileTemplate, type CompiledTemplate, type Counts, type Places, type Template } from './template.js';

/** A name that stays out, and why; the reason is empty where nothing is known of it. */
export interface LeftOut {
  readonly name: string;
  readonly why: string;
}

/** Names by another program's map. */
export interface Translation {
  /** What each name becomes: the usual name first, others that a model may have instead behind it. */
  readonly names: ReadonlyMap<string, readonly string[]>;
  /** Left out on purpose. */
  readonly ignored: readonly LeftOut[];
  /** No rule of the map knows them. */
  readonly unknown: readonly LeftOut[];
}

/** `backbone.bn1` and `weight`. */
export function splitName(name: string): readonly [layer: string, leaf: string] {
  const dot = name.lastIndexOf('.');
  return [name.slice(0, Math.max(dot, 0)), name.slice(dot + 1)];
}

/** Names of a file as ours, in torch's form: `backbone.body.bn1.running_mean`. */
export function toOurNames(map: NameMap, names: Iterable<string>): Translation {
  const list = [...names].map((name) => [name, current(map, name)] as const);
  const counts = countsOf(
    map,
    0,
    list.map(([, name]) => splitName(name)[0]),
  );
  const compile = (template: Template): CompiledTemplate => compileTemplate(template, counts);
  const rules = rulesOf(map, counts).map(({ theirs, ours }) => ({
    from: compile(theirs),
    to: [ours].flat().map(compile),
  }));
  const ignored = (map.ignored ?? []).map(([template, why]) => [compile(template), why] as const);
  const foreign = (map.foreign ?? []).map(([template, why]) => [compile(template), why] as const);
  const reason = (of: typeof ignored, name: string): string | undefined =>
    of.find(([template]) => template.match(name) !== undefined)?.[1];

  const result = new Map<string, readonly string[]>();
  const out: Record<'ignored' | 'unknown', LeftOut[]> = { ignored: [], unknown: [] };
  for (const [name, now] of list) {
    const left = reason(ignored, now);
    const [layer, leaf] = splitName(now);
    const variant = reason(foreign, now);
    const found = left === undefined && variant === undefined ? firstMatch(rules, layer) : undefined;
    if (left !== undefined) out.ignored.push({ name, why: left });
    else if (found === undefined) out.unknown.push({ name, why: variant ?? '' });
    else
      result.set(
        name,
        found.rule.to.map((to) => `${to.fill(found.places)}.${leaf}`),
      );
  }
  return { names: result, ...out };
}

/** Names of ours, in torch's form, as the map's program has them. */
export function toTheirNames(map: NameMap, names: Iterable<string>): Translation {
  const list = [...names];
  const counts = countsOf(
    map,
    1,
    list.map((name) => splitName(name)[0]),
  );
  const rules = rulesOf(map, counts).flatMap(({ theirs, ours }) =>
    [ours].flat().map((one) => ({ from: compileTemplate(one, counts), to: compileTemplate(theirs, counts) })),
  );
  const result = new Map<string, readonly string[]>();
  const unknown: LeftOut[] = [];
  for (const name of list) {
    const [layer, leaf] = splitName(name);
    const found = firstMatch(rules, layer);
    if (found === undefined) unknown.push({ name, why: '' });
    else result.set(name, [`${found.rule.to.fill(found.places)}.${leaf}`]);
  }
  return { names: result, ignored: [], unknown };
}

/** Whether a map's signs are among layers or names. */
export function hasSigns({ has, not = [] }: NameMap['theirs'], names: readonly string[]): boolean {
  const some = (template: Template): boolean => foundBy(template, names) !== undefined;
  return has.every(some) && !not.some(some);
}

/** The first name, or layer of a name, that a template fits. */
export function foundBy(template: Template, names: readonly string[]): string | undefined {
  const compiled = compileTemplate(template, NONE);
  return names.find((name) => compiled.match(name) ?? compiled.match(splitName(name)[0]));
}

/** A name as the newest version of its program has it. */
export function current({ older = [] }: NameMap, name: string): string {
  const [layer, leaf] = splitName(name);
  for (const [old, now] of older) {
    const places = compileTemplate(old, NONE).match(layer);
    if (places !== undefined) return `${compileTemplate(now, NONE).fill(places)}.${leaf}`;
  }
  return name;
}

const NONE: Counts = new Map();

const rulesOf = ({ rules }: NameMap, counts: Counts): NameMap['rules'] =>
  rules.filter(
    ({ when, unless }) =>
      (when === undefined || (counts.get(when) ?? 0) > 0) && (unless === undefined || (counts.get(unless) ?? 0) === 0),
  );

/** @param side 0 for their layers, 1 for ours */
const countsOf = ({ counts = {} }: NameMap, side: 0 | 1, layers: readonly string[]): Counts => {
  const distinct = [...new Set(layers)];
  return new Map(
    Object.entries(counts).map(([name, templates]) => {
      const counted = compileTemplate(templates[side], NONE);
      return [name, distinct.filter((layer) => counted.match(layer) !== undefined).length];
    }),
  );
};

function firstMatch<Rule extends { readonly from: CompiledTemplate }>(
  rules: readonly Rule[],
  layer: string,
): { readonly rule: Rule; readonly places: Places } | undefined {
  for (const rule of rules) {
    const places = rule.from.match(layer);
    if (places !== undefined) return { rule, places };
  }
  return undefined;
}
