/**
 * Names with places in them. `{i}`, `{s}`, … stand for a whole number, `{i*3+1}` for one worked out from it, `{levels}`
 * for a number that is counted in the file, `{levels+1}` and `{i*2+levels+1}` for what is worked out from that,
 * `{i<levels}` for one below it, and `{rest}` and `{more}` for anything.
 */
export type Template = string;

/** Numbers counted in a file, by the name that templates use. */
export type Counts = ReadonlyMap<string, number>;

/** What stood at the places of a name. */
export type Places = ReadonlyMap<string, string>;

interface Place {
  readonly name: string;
  readonly times: number;
  readonly plus: number;
  /** A count that the number stays below. */
  readonly below?: string;
}

export interface CompiledTemplate {
  match(name: string): Places | undefined;
  fill(places: Places): string;
}

const ANYTHING: ReadonlySet<string> = new Set(['rest', 'more']);
const PLACE = /\{(\w+)(?:\*(\d+))?((?:\+\w+)*)(?:<(\w+))?\}/g;

const compiled = new Map<Template, CompiledTemplate>();

export function compileTemplate(template: Template, counts: Counts): CompiledTemplate {
  if (counts.size > 0) return compile(template, counts);
  const known = compiled.get(template) ?? compile(template, counts);
  compiled.set(template, known);
  return known;
}

function compile(template: Template, counts: Counts): CompiledTemplate {
  const parts: (string | Place)[] = [];
  let from = 0;
  for (const found of template.matchAll(PLACE)) {
    const [text, name, times = '1', terms, below] = found;
    const plus = terms!.split('+').reduce((sum, term) => sum + (counts.get(term) ?? Number(term)), 0);
    const count = counts.get(name!);
    parts.push(template.slice(from, found.index));
    parts.push(
      count === undefined
        ? { name: name!, times: Number(times), plus, ...(below !== undefined && { below }) }
        : String(count + plus),
    );
    from = found.index + text.length;
  }
  parts.push(template.slice(from));
  const places = parts.filter((part): part is Place => typeof part === 'object');
  const pattern = new RegExp(
    `^${parts.map((part) => (typeof part === 'string' ? escaped(part) : ANYTHING.has(part.name) ? '(.+)' : '(\\d+)')).join('')}$`,
  );
  return {
    match(name) {
      const found = pattern.exec(name);
      if (found === null) return undefined;
      const values = new Map<string, string>();
      for (const [k, place] of places.entries()) {
        const value = ANYTHING.has(place.name) ? found[k + 1]! : numberAt(found[k + 1]!, place, counts);
        if (value === undefined || (values.has(place.name) && values.get(place.name) !== value)) return undefined;
        values.set(place.name, value);
      }
      return values;
    },
    fill: (values) =>
      parts
        .map((part) => {
          if (typeof part === 'string') return part;
          const value = values.get(part.name)!;
          return ANYTHING.has(part.name) ? value : String(Number(value) * part.times + part.plus);
        })
        .join(''),
  };
}

function numberAt(digits: string, { times, plus, below }: Place, counts: Counts): string | undefined {
  const number = (Number(digits) - plus) / times;
  if (!Number.isInteger(number) || number < 0) return undefined;
  return below === undefined || number < (counts.get(below) ?? 0) ? String(number) : undefined;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
