import { checkMembers, KdError, shown } from '@kd/core';

interface Columns {
  readonly image: Int32Array;
  readonly label: Int32Array;
  readonly box: Float64Array;
}

/**
 * Refuses a table whose rows would be left out or read past their end without a word.
 * @throws KdError USAGE naming the column
 */
export function checkTable(table: {
  readonly images: number;
  readonly classes: number;
  readonly objects: Columns;
  readonly detections: Columns & { readonly score: Float64Array };
}): void {
  checkMembers(table, { objects: 'object', detections: 'object' }, 'a table to evaluate', 'USAGE');
  for (const key of ['images', 'classes'] as const)
    if (!Number.isSafeInteger(table[key]) || table[key] < 0) fail(key, `is ${shown(table[key])}; a count is wanted`);
  for (const kind of ['objects', 'detections'] as const) {
    const { image, label, box } = table[kind];
    const rows = image.length;
    if (label.length !== rows || box.length !== 4 * rows)
      fail(
        kind,
        `have ${rows} images, ${label.length} labels and ${box.length} values of boxes; one, one and four a row are wanted`,
      );
    for (let row = 0; row < rows; row++) {
      if (!(image[row]! >= 0 && image[row]! < table.images))
        fail(`${kind}.image[${row}]`, `is ${image[row]} of ${table.images} images`);
      if (!(label[row]! >= 0 && label[row]! < table.classes))
        fail(`${kind}.label[${row}]`, `is ${label[row]} of ${table.classes} classes`);
    }
  }
  const { image, score } = table.detections;
  if (score.length !== image.length) fail('detections.score', `has ${score.length} values for ${image.length} rows`);
}

function fail(column: string, why: string): never {
  throw new KdError('USAGE', `a table of detections: ${column} ${why}.`);
}
