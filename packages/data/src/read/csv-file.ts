import { KdError, messageOf, shown } from '@kd/core/plain';
import { CsvError, parse } from 'csv-parse/sync';
import { readDataText } from './text.js';

export interface CsvFile {
  readonly rows: readonly CsvRow[];
  readonly delimiter: ',' | ';';
  /** Whether the first line is `sep=;` or `sep=,`, as Excel takes it; it is no row. */
  readonly told: boolean;
}

/** A record, and the line of the file that it begins in. */
export interface CsvRow {
  readonly line: number;
  /** Without the blanks around them; those inside of quotes stay. */
  readonly fields: readonly string[];
}

/** Characters of one record. A quote that nobody closes would go on to the end of the file. */
const LONGEST = 100_000;

/**
 * Reads a table, with quotes as in RFC 4180. Fields are parted by what `sep=` in the first line says, else by commas,
 * or by semicolons where the first line has semicolons and no comma. Blank lines do not count.
 * @throws KdError DATA_INVALID naming file and line
 */
export const readCsv = async (file: string): Promise<CsvFile> => parseCsv(await readDataText(file), file);

/** As {@link readCsv}, for the text of the file. */
export function parseCsv(given: string, file: string): CsvFile {
  const separator = /^(["']?)sep=(.)\1[;,\t ]*(?=\r|\n|$)/i.exec(given);
  const told = separator?.[2];
  if (told !== undefined && told !== ',' && told !== ';')
    throw new KdError(
      'DATA_INVALID',
      `${file}: its first line says that ${shown(told)} parts the fields; save it with commas or semicolons.`,
    );
  // Its line stays, so that those of the rows are those of the file.
  const text = given.slice(separator?.[0].length ?? 0);
  const first = /\S.*/.exec(text)?.[0] ?? '';
  const delimiter = told ?? (first.includes(';') && !first.includes(',') ? ';' : ',');
  try {
    const records = parse(text, {
      delimiter,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      trim: true,
      skip_empty_lines: true,
      max_record_size: LONGEST,
      info: true,
    }) as unknown as { readonly record: readonly string[]; readonly info: { readonly lines: number } }[];
    return { rows: linesOf(records), delimiter, told: told !== undefined };
  } catch (cause) {
    const line = cause instanceof CsvError ? (cause as { lines?: unknown }).lines : undefined;
    throw new KdError(
      'DATA_INVALID',
      `${file}${typeof line === 'number' ? `, line ${line},` : ''} is not valid CSV: ${shown(messageOf(cause), 200)}.`,
      { cause },
    );
  }
}

/** csv-parse tells the line in which a record ends. */
const linesOf = (
  records: readonly { readonly record: readonly string[]; readonly info: { readonly lines: number } }[],
): CsvRow[] =>
  records.flatMap(({ record, info: { lines } }) => {
    if (record.length === 1 && record[0] === '') return [];
    const inside = record.join('').match(/\r\n|\r|\n/g)?.length ?? 0;
    return [{ line: lines - inside, fields: record }];
  });
