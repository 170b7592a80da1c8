import { type Category, KdError, shown } from '@kd/core/plain';
import type { Box } from './box-rule.js';
import { decimal, decimalComma } from './decimal.js';
import { attempt, type TellFault } from './faults.js';

/** A row of a label file: one object. */
export interface YoloRow {
  /** 1-based. */
  readonly line: number;
  readonly id: number;
  /** x1 y1 x2 y2 as fractions of the picture. */
  readonly box: Box;
}

export interface YoloLabel {
  readonly rows: readonly YoloRow[];
  /** Rows that an earlier one says already. */
  readonly repeats: readonly { readonly line: number; readonly first: number }[];
}

export interface YoloRule {
  readonly categories: readonly Category[];
  /** Columns of a row with key points, where the data set has some. */
  readonly poseColumns: number | null;
}

/** Faults of one file that are told before they are only counted: a file may be no label file at all. */
const MOST_FAULTS = 100;

/**
 * Reads a label file of YOLO's form: `id x y width height` with centre and size, or `id x1 y1 x2 y2 …`, a polygon that
 * stands for its box; fractions of the picture. Each row goes by its own length. Equal rows count once.
 * @param tell takes what is wrong with single rows
 */
export function readYoloLabel(
  source: string,
  file: string,
  { categories, poseColumns }: YoloRule,
  tell: TellFault,
): YoloLabel {
  const ids = new Set(categories.map(({ id }) => id));
  const rows: YoloRow[] = [];
  const repeats: { line: number; first: number }[] = [];
  const seen = new Map<string, number>();
  let faults = 0;
  const count: TellFault = (fault) => {
    if (faults++ < MOST_FAULTS) tell(fault);
  };
  source.split(/\r\n|\r|\n/).forEach((text, i) => {
    const line = i + 1;
    const words = text.trim().split(/\s+/);
    if (words[0] === '') return;
    const row = attempt(count, () => {
      const fail: Fail = (why) => {
        throw new KdError('DATA_INVALID', `${file}, line ${line}: ${why}.`);
      };
      checkColumns(words.length, poseColumns, fail);
      const id = classOf(words[0]!, ids, categories, fail);
      const values = words
        .slice(1)
        .map((word) => decimal(word) ?? fail(`${shown(word)} is not a number${decimalComma(word)}`));
      if (isPose(values)) failPose(words.length, fail);
      const box = values.length === 4 ? boxOf(values) : hull(values);
      const centre = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
      if (centre.some((value) => value > 2))
        fail(
          `these are pixel coordinates (the centre is at ${centre.join(', ')}); fractions of the picture are wanted: divide x by its width and y by its height`,
        );
      return { line, id, box, key: [id, ...values].join(' ') };
    });
    if (row === null) return;
    const first = seen.get(row.key);
    if (first !== undefined) repeats.push({ line, first });
    else {
      seen.set(row.key, line);
      rows.push({ line, id: row.id, box: row.box });
    }
  });
  if (faults > MOST_FAULTS)
    tell(new KdError('DATA_INVALID', `${file}: ${faults - MOST_FAULTS} more rows cannot be read; is it a label file?`));
  return { rows, repeats };
}

type Fail = (why: string) => never;

function checkColumns(count: number, poseColumns: number | null, fail: Fail): void {
  if (count === 5) return;
  if (poseColumns !== null)
    fail(
      `the row has ${count} columns, a pose row as "kpt_shape" announces (${poseColumns} columns); key points are not read: write "id x y width height"`,
    );
  if (count === 6)
    fail('the row has 6 columns, which are predictions with a confidence; labels have none: leave the last column out');
  if (count > 6 && count % 2 === 0 && (count - 5) % 3 === 0) failPose(count, fail);
  if (count < 7 || count % 2 === 0)
    fail(
      `the row has ${count} ${count === 1 ? 'column' : 'columns'}; wanted are 5, "id x y width height", or an odd number from 7 on, a polygon`,
    );
}

const failPose = (count: number, fail: Fail): never =>
  fail(
    `the row has ${count} columns, a pose row of ${(count - 5) / 3} key points ("kpt_shape": [${(count - 5) / 3}, 3]); key points are not read: write "id x y width height"`,
  );

/** Of a row as long as a polygon: each third value behind the box is 0, 1 or 2, some 2, which is beyond a picture. */
function isPose(values: readonly number[]): boolean {
  const seen = values.filter((_, i) => i >= 4 && i % 3 === 0);
  return values.length % 3 === 1 && seen.includes(2) && seen.every((value) => [0, 1, 2].includes(value));
}

function classOf(word: string, ids: ReadonlySet<number>, categories: readonly Category[], fail: Fail): number {
  const id = /^\d+$/.test(word) ? Number(word) : fail(`the class is ${shown(word)}; a whole number from 0 is wanted`);
  if (ids.has(id)) return id;
  const known = categories.length > 10 ? `${categories[0]!.id} to ${categories.at(-1)!.id}` : [...ids].join(', ');
  return fail(`the class ${shown(id)} has no name in "names", which has ${known}`);
}

const boxOf = ([x, y, w, h]: readonly number[]): Box => [x! - w! / 2, y! - h! / 2, x! + w! / 2, y! + h! / 2];

function hull(values: readonly number[]): Box {
  const box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  values.forEach((value, i) => {
    box[i % 2] = Math.min(box[i % 2]!, value);
    box[2 + (i % 2)] = Math.max(box[2 + (i % 2)]!, value);
  });
  return box;
}
