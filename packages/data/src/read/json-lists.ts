import { closeSync, openSync, readSync } from 'node:fs';
import { checkRegularFile, duplicateKey, isObject, KdError, messageOf } from '@kd/core/plain';
import { JsonWindow } from './json-window.js';
import { lineAt as lineIn, readJson, repeatedKey, withoutNan } from './json.js';
import { unreadable } from './text.js';

const PIECE = 1 << 22;

/** What {@link readJsonLists} found beside the entries. */
export interface JsonLists {
  /** Keys of the object, in the order of the file. */
  readonly keys: readonly string[];
  /** Those of them that are lists. */
  readonly lists: ReadonlySet<string>;
  /** The line of the first bare NaN or Infinity, as {@link readJson} tells it. */
  readonly nanLine: number | null;
}

/**
 * Reads a JSON object of lists entry by entry, in one pass over the file: neither the file nor the object is ever held
 * as a whole, so that both may be larger than a string or than memory.
 * @param take gets each entry of each list: the key, the entry, its place in the list
 * @param piece bytes read at a time
 * @returns what the file held; or its value, where that is no object
 * @throws KdError DATA_INVALID naming the file, and the line where it is not JSON
 */
export async function readJsonLists(
  file: string,
  take: (key: string, entry: unknown, index: number) => void,
  piece = PIECE,
): Promise<JsonLists | { readonly value: unknown }> {
  const fd = await checkRegularFile(file)
    .then(() => openSync(file, 'r'))
    .catch((cause: unknown) => unreadable(file, cause));
  try {
    const window = new JsonWindow(fd, piece);
    if (window.peek() === '[') return { value: [] };
    if (window.peek() !== '{') return { value: (await readJson(file)).value };
    return readObject(file, window, take);
  } finally {
    closeSync(fd);
  }
}

function readObject(
  file: string,
  window: JsonWindow,
  take: (key: string, entry: unknown, index: number) => void,
): JsonLists {
  const keys = new Map<string, 'list' | 'other'>();
  let nanLine: number | null = null;

  const parse = (): unknown => {
    window.peek();
    const start = window.offset;
    const text = textAt(start);
    const value = parseText(text, start);
    // An object with fewer keys than colons has one of them twice.
    if (isObject(value) && Object.keys(value).length < window.colons) {
      const twice = duplicateKey(text)!;
      throw repeatedKey(file, lineAt(file, start) + lineIn(text, twice.index) - 1, twice.key);
    }
    return value;
  };
  const parseText = (text: string, start: number): unknown => {
    try {
      return JSON.parse(text);
    } catch (cause) {
      const nan = withoutNan(text);
      if (nan === null) return malformed(file, start + placeIn(text, cause), reasonOf(cause), cause);
      nanLine ??= lineAt(file, start) + nan.nanLine! - 1;
      return nan.value;
    }
  };
  const textAt = (start: number): string => {
    try {
      return window.value();
    } catch (cause) {
      throw new KdError('DATA_INVALID', `${file}, line ${lineAt(file, start)}, cannot be read: ${messageOf(cause)}.`, {
        cause,
      });
    }
  };
  const expect = (...signs: string[]): string => {
    const found = signs.find((sign) => window.skip(sign));
    if (found !== undefined) return found;
    const there = window.peek();
    const why =
      there === '' ? 'Unexpected end of JSON input' : `Unexpected ${there} where ${signs.join(' or ')} is wanted`;
    return malformed(file, window.offset, why);
  };

  expect('{');
  let ended = window.skip('}');
  while (!ended) {
    if (window.peek() !== '"') expect('"');
    const at = window.offset;
    const key = parse() as string;
    if (keys.has(key)) throw repeatedKey(file, lineAt(file, at), key);
    expect(':');
    const list = window.skip('[');
    keys.set(key, list ? 'list' : 'other');
    if (!list) parse();
    else if (!window.skip(']')) {
      let index = 0;
      do take(key, parse(), index++);
      while (expect(',', ']') === ',');
    }
    ended = expect(',', '}') === '}';
  }
  if (window.peek() !== '') malformed(file, window.offset, `Unexpected ${window.peek()} behind the end`);
  const lists = [...keys].flatMap(([key, kind]) => (kind === 'list' ? [key] : []));
  return { keys: [...keys.keys()], lists: new Set(lists), nanLine };
}

function malformed(file: string, offset: number, why: string, cause?: unknown): never {
  throw new KdError(
    'DATA_INVALID',
    `${file}, line ${lineAt(file, offset)}, is not valid JSON (malformed or cut off): ${why}.`,
    { cause },
  );
}

/** Where in a value the fault is, if the engine says so. */
const placeIn = (text: string, cause: unknown): number => {
  const at = /at position (\d+)/.exec(messageOf(cause))?.[1];
  return at === undefined ? 0 : Buffer.byteLength(text.slice(0, Number(at)));
};

/** The engine's words without its place, which counts from the start of the value. */
const reasonOf = (cause: unknown): string => messageOf(cause).replace(/(?: in JSON)? at position \d+.*/s, '');

/** The line of a byte of the file, from 1: the file is read again, which only an error is worth. */
function lineAt(file: string, offset: number): number {
  const fd = openSync(file, 'r');
  const piece = Buffer.allocUnsafe(1 << 20);
  let line = 1;
  try {
    for (let left = offset; left > 0; ) {
      const read = readSync(fd, piece, 0, Math.min(left, piece.length), null);
      if (read === 0) break;
      for (let at = piece.indexOf('\n'); at !== -1 && at < read; at = piece.indexOf('\n', at + 1)) line++;
      left -= read;
    }
  } finally {
    closeSync(fd);
  }
  return line;
}
