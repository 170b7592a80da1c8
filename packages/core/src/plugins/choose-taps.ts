import * as v from 'valibot';
import type { TapInfo } from '../contract/detector.js';
import { KdError, suggestion } from '../errors.js';
import { shown } from '../shown.js';
import { matchTaps } from './taps.js';

const text = v.pipe(v.string(), v.nonEmpty());

/** The option `taps` of a teacher that is read from a file; see {@link chooseTaps}. */
export const tapsOption = v.optional(
  v.union(
    [v.pipe(v.array(text), v.minLength(1)), v.pipe(v.record(text, text), v.minEntries(1))],
    ({ input }) =>
      `must be a list of names of maps, with * for any text, or { name: "name of a map" }${typeof input === 'string' ? `: write [${shown(input)}]` : ''}`,
  ),
);
export type TapsOption = v.InferOutput<typeof tapsOption>;

/** A tap, and the map in the file that it reads. */
export interface ChosenTap extends TapInfo {
  readonly map: string;
}

/**
 * Which maps of a network become taps. A list names them, or matches several with `*`; `{ c3: "name" }` gives them
 * names of their own; without the option it is the last map of every stride, as networks are cut into stages.
 * @param what begins messages: `teacher "onnx"`, with the file
 * @param found every map that could be one, in the order of the network, by the names that it has there
 * @throws KdError TAP_UNKNOWN, TAP_MISMATCH listing what there is
 */
export function chooseTaps(what: string, found: readonly TapInfo[], taps: TapsOption): readonly ChosenTap[] {
  if (found.length === 0)
    throw new KdError('TAP_UNKNOWN', `${what} has no map [b, h, w, c] that could be a tap. Take another model.`);
  if (taps === undefined)
    return [...new Map(found.map((tap): [number, TapInfo] => [tap.stride, tap])).values()]
      .sort((a, b) => a.stride - b.stride)
      .map((tap) => ({ ...tap, map: tap.name }));
  if (Array.isArray(taps)) {
    const chosen = new Set((taps as readonly string[]).flatMap((pattern) => matching(what, found, pattern)));
    return found.filter((tap) => chosen.has(tap)).map((tap) => ({ ...tap, map: tap.name }));
  }
  return Object.entries(taps).map(([name, pattern]): ChosenTap => {
    const [tap, ...more] = matching(what, found, pattern);
    if (more.length > 0)
      throw new KdError(
        'TAP_MISMATCH',
        `${what}: the tap "${name}" is one map, and "${pattern}" matches ${more.length + 1}: ${listed([tap!, ...more])}. Write the name of one.`,
      );
    return { ...tap!, name, map: tap!.name };
  });
}

function matching(what: string, found: readonly TapInfo[], pattern: string): TapInfo[] {
  const matched = matchTaps(found, pattern);
  if (matched.length > 0) return matched;
  const meant = suggestion(
    pattern,
    found.map(({ name }) => name),
  );
  throw new KdError(
    'TAP_UNKNOWN',
    `${what} has no map that matches "${pattern}"${meant === '' ? '.' : `; ${meant}`} It has: ${listed(found)}.`,
  );
}

/** Maps that a message names. */
const NAMED = 40;

const listed = (taps: readonly TapInfo[]): string =>
  taps
    .slice(0, NAMED)
    .map(({ name, stride, channels }) => `${name} (stride ${stride}, ${channels} channels)`)
    .join(', ') + (taps.length > NAMED ? ` and ${taps.length - NAMED} more` : '');
