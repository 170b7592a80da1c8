import type { CAC } from 'cac';

/** Stands before words that the parser would take for numbers or flags; no word of a command line can hold it. */
const MARK = '\0';

/**
 * Empty ones are taken for 0, `0012` for 12, `1e3` for 1000: folders, splits and classes may be called so. `-`, which
 * stands for standard output, is taken for a flag without a name.
 */
const isMistaken = (word: string): boolean => word === '-' || Number.isFinite(Number(word));

/** Marks values that are text as it stands, for {@link unmark}. */
export const mark = (argv: readonly string[]): string[] =>
  argv.map((word) => {
    const [, flag, value] = /^(--[^=]+=)(.*)$/s.exec(word) ?? [null, '', word];
    return isMistaken(value!) ? `${flag!}${MARK}${value!}` : word;
  });

/**
 * Gives arguments and options what was typed: numbers where an option is one (`<n>`, `[n]`, `<score>`, `<minutes>`),
 * text elsewhere.
 * @returns the first option with an empty value, as of an unset variable of a shell; null if there is none
 */
export function unmark(program: CAC): string | null {
  const numbers = new Set(
    program.matchedCommand?.options
      .filter(({ rawName }) => /<(?:n|score|minutes)>|\[n\]/.test(rawName))
      .map(({ name }) => name),
  );
  let empty: string | null = null;
  const text = (value: string): string => value.replaceAll(MARK, '');
  const typed = (name: string, value: unknown): unknown => {
    if (Array.isArray(value)) return value.map((one) => typed(name, one));
    if (typeof value !== 'string' || !value.startsWith(MARK)) return value;
    if (value === MARK) empty ??= `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return numbers.has(name) ? Number(text(value)) : text(value);
  };
  // What follows `--` is no option, whatever it begins with.
  const { '--': rest = [], ...options } = program.options as { readonly '--'?: readonly string[] };
  program.args = [...program.args, ...rest].map(text);
  program.options = Object.fromEntries(Object.entries(options).map(([name, value]) => [name, typed(name, value)]));
  return empty;
}
