import { KdError, shown } from '@kd/core/plain';
import type { Box } from './box-rule.js';
import type { CsvColumn, CsvTable } from './csv-columns.js';
import type { CsvRow } from './csv-file.js';
import { decimal, decimalComma, side } from './decimal.js';

export interface CsvObject {
  readonly line: number;
  readonly className: string;
  readonly box: Box;
}

/** @throws KdError DATA_INVALID */
export function readCsvRow(
  { line, fields }: CsvRow,
  { places, width: columns }: CsvTable,
  where: string,
): {
  readonly file: string;
  readonly size: { readonly width: number; readonly height: number } | null;
  /** null: the picture has none, as far as this row tells. */
  readonly object: CsvObject | null;
} {
  const fail = (why: string): never => {
    throw new KdError('DATA_INVALID', `${where}: ${why}.`);
  };
  if (fields.length !== columns)
    fail(
      `the row has ${fields.length} ${fields.length === 1 ? 'field' : 'fields'}, and ${columns} are wanted${advice(fields, columns)}`,
    );
  const field = (column: CsvColumn): string => fields[places.get(column) ?? -1] ?? '';
  const file = field('file') || fail('the file is empty');
  const number = (column: CsvColumn): string => field(column).trim();
  const whole = (text: string): number =>
    side(text) ?? fail(`the size of the picture: ${shown(text)} is no whole number above 0${decimalComma(text)}`);
  const [width, height] = [number('width'), number('height')];
  const size = width === '' && height === '' ? null : { width: whole(width), height: whole(height) };
  const corners = (['x1', 'y1', 'x2', 'y2'] as const).map((column) => [column, number(column)] as const);
  const className = field('class').trim() === '' ? '' : field('class');
  if (className === '' && corners.every(([, text]) => text === '')) return { file, size, object: null };
  const box = corners.map(([column, text]) => {
    if (text === '') fail(`${column} is empty; a picture without objects has all of x1, y1, x2, y2 and class empty`);
    return decimal(text) ?? fail(`${column}: ${shown(text)} is not a number${decimalComma(text)}`);
  }) as unknown as Box;
  if (className === '') fail('the class is empty; a picture without objects has all of x1, y1, x2, y2 and class empty');
  return { file, size, object: { line, className, box } };
}

function advice(fields: readonly string[], width: number): string {
  if (fields.length > width)
    return '; write numbers with a point (a decimal comma parts them), and put texts with commas into double quotes';
  if (fields.some((field) => field.includes('\t'))) return '; tabs part no fields: save the table with commas';
  if (fields.length === 1 && fields[0]!.includes('|')) return '; | parts no fields: save the table with commas';
  return fields.some((field) => field.includes(';')) ? '; semicolons part fields where a header has them' : '';
}
