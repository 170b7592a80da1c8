/** What was found and put right while annotations were read. Nothing is corrected in silence. */
export interface Correction {
  /** Image file, as the data set names it. */
  readonly file: string;
  /**
   * 1-based position of the annotation in the JSON's `annotations`, or of the object in its XML; null where the whole
   * file is meant.
   */
  readonly annotation: number | null;
  readonly action: 'dropped' | 'clipped' | 'noted';
  readonly why: string;
}

/** What is told of a row that an earlier one says already. */
export const repeatedRow = (
  file: string,
  { line, first }: { readonly line: number; readonly first: number },
): Correction => ({
  file,
  annotation: line,
  action: 'dropped',
  why: `the row is that of line ${first}, and counts once`,
});

/** One line for a person to read. */
export const correctionLine = ({ file, annotation, action, why }: Correction): string =>
  `${file}${annotation === null ? '' : `, annotation ${annotation}`}: ${action}: ${why}`;
