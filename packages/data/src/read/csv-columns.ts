import { KdError } from '@kd/core/plain';
import { decimal } from './decimal.js';
import type { CsvFile, CsvRow } from './csv-file.js';

const WANTED = ['file', 'x1', 'y1', 'x2', 'y2', 'class'] as const;

/** What a row has to hold, and may hold: the size of the picture. */
export type CsvColumn = (typeof WANTED)[number] | 'width' | 'height';

/** How tools name the columns. */
const NAMES: Readonly<Record<CsvColumn, readonly string[]>> = {
  file: ['file', 'filename', 'file_name', 'image', 'image_path', 'path', 'img'],
  x1: ['x1', 'xmin', 'x_min', 'left'],
  y1: ['y1', 'ymin', 'y_min', 'top'],
  x2: ['x2', 'xmax', 'x_max', 'right'],
  y2: ['y2', 'ymax', 'y_max', 'bottom'],
  class: ['class', 'class_name', 'label', 'name', 'category'],
  width: ['width', 'image_width'],
  height: ['height', 'image_height'],
};

export interface CsvTable {
  /** Where each column stands. */
  readonly places: ReadonlyMap<CsvColumn, number>;
  /** Fields of every row. */
  readonly width: number;
  /** Names of columns that are not read. */
  readonly unread: readonly string[];
  readonly rows: readonly CsvRow[];
}

/**
 * Finds the columns: by the names of the header where there is one, else in the order `file,x1,y1,x2,y2,class`.
 * @throws KdError DATA_INVALID for a header without all of them, and for semicolons without a header
 */
export function csvColumns({ rows, delimiter, told }: CsvFile, file: string): CsvTable {
  const [first] = rows;
  if (first === undefined) throw new KdError('DATA_INVALID', `${file} is empty; rows ${WANTED.join(',')} are wanted.`);
  const names = first.fields.map((field) => field.trim().toLowerCase());
  const found = (Object.keys(NAMES) as CsvColumn[]).flatMap((column) => {
    const place = names.findIndex((name) => NAMES[column].includes(name));
    return place < 0 ? [] : [[column, place] as const];
  });
  const places = new Map(found);
  const missing = WANTED.filter((column) => !places.has(column));
  if (missing.length === 0) {
    const taken = new Set(places.values());
    return {
      places,
      width: names.length,
      unread: first.fields.flatMap((name, i) => (taken.has(i) ? [] : [name.trim() || `column ${i + 1}`])),
      rows: rows.slice(1),
    };
  }
  const where = `${file}, line ${first.line}`;
  // Words where numbers stand are a header; a row has one number at least, or nothing.
  if (places.size > 1 && !first.fields.some((field) => decimal(field) !== null))
    throw new KdError(
      'DATA_INVALID',
      `${where}: the header has no column for ${missing.join(', ')}; its names are ${first.fields.join(', ')}, wanted are ${WANTED.join(', ')}.`,
    );
  if (delimiter === ';' && !told)
    throw new KdError(
      'DATA_INVALID',
      `${where}: the fields are parted by semicolons, and no header says so; put "${WANTED.join(';')}" above the rows, or part them by commas.`,
    );
  return { places: new Map(WANTED.map((column, i) => [column, i])), width: WANTED.length, unread: [], rows };
}
