/** A call, `dict(type="ResNet", …)`: positional arguments, then named ones. */
export interface PythonCall {
  readonly call: string;
  readonly of?: readonly PythonValue[];
  readonly named?: Readonly<Record<string, PythonValue | undefined>>;
}

/** What Python text is made from; `{ code }` stands as it is, `{ tuple }` is one. */
export type PythonValue =
  | string
  | number
  | boolean
  | null
  | readonly PythonValue[]
  | { readonly tuple: readonly PythonValue[] }
  | { readonly code: string }
  | PythonCall;

const WIDTH = 100;

export const code = (text: string): PythonValue => ({ code: text });
export const tuple = (values: readonly PythonValue[]): PythonValue => ({ tuple: values });
export const call = (
  name: string,
  of: readonly PythonValue[],
  named: NonNullable<PythonCall['named']> = {},
): PythonCall => ({ call: name, of, named });
export const dict = (named: NonNullable<PythonCall['named']>): PythonCall => ({ call: 'dict', named });

/** `name = value`, broken where it would be too long. */
export const assignment = (name: string, value: PythonValue): string =>
  `${name} = ${python(value, 0, name.length + 3)}`;

/**
 * A value as Python reads it.
 * @param indent of the line that it begins on
 * @param used columns of that line before and behind the value
 */
export function python(value: PythonValue, indent = 0, used = 0): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `float("${value < 0 ? '-' : ''}inf")`;
  // Of JSON's texts only surrogate pairs are none of Python's, and those are escaped by neither.
  if (typeof value === 'string') return JSON.stringify(value);
  if (isList(value))
    return bracketed(
      '[',
      ']',
      value.map((one) => ['', one] as const),
      indent,
      used,
    );
  if ('code' in value) return value.code;
  if ('tuple' in value) {
    const [only] = value.tuple;
    if (value.tuple.length === 1) return `(${python(only!, indent, used + 3)},)`;
    return bracketed(
      '(',
      ')',
      value.tuple.map((one) => ['', one] as const),
      indent,
      used,
    );
  }
  const named = Object.entries(value.named ?? {}).flatMap(([name, one]) =>
    one === undefined ? [] : [[`${name}=`, one] as const],
  );
  return bracketed(
    `${value.call}(`,
    ')',
    [...(value.of ?? []).map((one) => ['', one] as const), ...named],
    indent,
    used,
  );
}

const isList = (value: PythonValue): value is readonly PythonValue[] => Array.isArray(value);

/** On one line where it fits, else one entry a line. */
function bracketed(
  open: string,
  close: string,
  entries: readonly (readonly [before: string, value: PythonValue])[],
  indent: number,
  used: number,
): string {
  const line = `${open}${entries.map(([before, one]) => before + python(one, 0, -Infinity)).join(', ')}${close}`;
  if (entries.length === 0 || indent + used + line.length <= WIDTH) return line;
  const inner = indent + 4;
  const rows = entries.map(
    ([before, one]) => `${' '.repeat(inner)}${before}${python(one, inner, before.length + 1)},\n`,
  );
  return `${open}\n${rows.join('')}${' '.repeat(indent)}${close}`;
}
