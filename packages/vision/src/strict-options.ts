import { suggestion } from '@kd/core';
import * as v from 'valibot';

/** A strict object that names the unknown option and what there is instead. */
export function strictOptions<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.strictObject(entries, (issue) => {
    if (issue.expected !== 'never') return `must be an object of options, not ${issue.received}`;
    const unknown = issue.received.replaceAll('"', '');
    const known = Object.keys(entries);
    return `there is no option "${unknown}"; ${[suggestion(unknown, known), `there are ${known.join(', ')}`].filter(Boolean).join(' ')}`;
  });
}

/** Upper bounds of numbers in options: each some ten times what published models have. */
export const MOST = {
  /** Layers or blocks in a row. */
  layers: 256,
  /** Channels of a convolution, width of a linear layer. */
  width: 16_384,
  /** Pixels of a side. */
  side: 32_768,
  /** Sizes, ratios or stages in a list. */
  list: 64,
  /** Rows that are kept, an image: candidates, proposals, detections, samples. */
  rows: 100_000,
} as const;

/** @param most beyond it nobody means it: a network of that size would only run out of memory, without a word why */
export const wholeNumber = (least: number, most: number = MOST.rows) =>
  v.pipe(
    v.number(),
    v.integer('must be a whole number'),
    v.minValue(least, `must be at least ${least}`),
    v.maxValue(most, `must be at most ${most}`),
  );
export const positiveNumber = v.pipe(v.number(), v.finite('must be finite'), v.gtValue(0, 'must be greater than 0'));

export const shortList = <Item extends v.GenericSchema>(item: Item) =>
  v.pipe(v.array(item), v.maxLength(MOST.list, `must have at most ${MOST.list} entries`));
export const fractionNumber = v.pipe(
  v.number(),
  v.minValue(0, 'must be between 0 and 1'),
  v.maxValue(1, 'must be between 0 and 1'),
);
