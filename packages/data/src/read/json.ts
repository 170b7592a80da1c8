import { duplicateKey, jsonStringEnd, KdError, messageOf } from '@kd/core/plain';
import { readDataText } from './text.js';

/**
 * Text that stands for a NaN or Infinity after {@link readJson}: validators see it as a string and so can name its
 * place.
 */
export interface LooseJson {
  readonly value: unknown;
  /** The line of the first bare NaN or Infinity, which JSON does not know; null if there is none. */
  readonly nanLine: number | null;
}

/**
 * Reads JSON. A bare `NaN` or `Infinity` (which Python writes) becomes a string, so that what checks the content can
 * name
 * the entry; whoever calls refuses the file by `nanLine` if nothing else did.
 * @throws KdError DATA_INVALID naming the file
 */
export async function readJson(file: string): Promise<LooseJson> {
  return parseJson(await readDataText(file), file);
}

/** As {@link readJson}, for the text of the file. */
export function parseJson(text: string, file: string): LooseJson {
  if (text.trim() === '') throw new KdError('DATA_INVALID', `${file} is empty; JSON is wanted.`);
  const loose = parse(text, file);
  const twice = duplicateKey(text);
  if (twice !== null) throw repeatedKey(file, lineAt(text, twice.index), twice.key);
  return loose;
}

function parse(text: string, file: string): LooseJson {
  try {
    return { value: JSON.parse(text), nanLine: null };
  } catch (cause) {
    const nan = withoutNan(text);
    if (nan !== null) return nan;
    throw new KdError(
      'DATA_INVALID',
      `${file}${lineOf(cause, text)} is not valid JSON (malformed or cut off): ${messageOf(cause)}.`,
      { cause },
    );
  }
}

/** What is told of a file with NaN or Infinity in places that nothing else looks at. */
export const nanFault = (file: string, line: number): KdError =>
  new KdError(
    'DATA_INVALID',
    `${file}, line ${line}: NaN and Infinity are not JSON; write a number or leave the key out.`,
  );

/** `JSON.parse` would keep the last one; which of the two is meant cannot be told. */
export const repeatedKey = (file: string, line: number, key: string): KdError =>
  new KdError(
    'DATA_INVALID',
    `${file}, line ${line}: the key ${JSON.stringify(key)} occurs twice; leave one of the two.`,
  );

/** Whether it is a height or width in pixels. */
export const isSide = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;

/** The value of a text with NaN or Infinity, these as strings; null where it is no JSON besides or holds none. */
export function withoutNan(text: string): LooseJson | null {
  let first: number | null = null;
  const parts: string[] = [];
  const token = /"|-?\b(?:NaN|Infinity)\b/g;
  let from = 0;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    if (match[0] === '"') {
      token.lastIndex = jsonStringEnd(text, match.index);
      continue;
    }
    first ??= match.index;
    parts.push(text.slice(from, match.index), `"${match[0]}"`);
    from = token.lastIndex;
  }
  const replaced = parts.join('') + text.slice(from);
  if (first === null) return null;
  try {
    return { value: JSON.parse(replaced), nanLine: lineAt(text, first) };
  } catch {
    return null;
  }
}

function lineOf(cause: unknown, text: string): string {
  const at = /at position (\d+)/.exec(messageOf(cause))?.[1];
  return at === undefined ? '' : `, line ${lineAt(text, Number(at))},`;
}

/** The line of a place in a text, from 1. */
export const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length;
