/** One annotation of a COCO file, checked for form; the box as it stands. */
export interface CocoAnnotation {
  readonly id: number;
  /** 1-based, in the list of the file. */
  readonly position: number;
  readonly category: number;
  /** [x, y, w, h] */
  readonly bbox: readonly [number, number, number, number];
  readonly area: number | null;
  readonly crowd: boolean;
}

/** id, position, category, box, area or NaN, crowd */
const WIDTH = 9;

/**
 * Annotations by the millions: numbers in rows outside of the heap, a quarter of what objects would take, of which none
 * is kept.
 */
export class CocoAnnotations {
  #rows = new Float64Array(WIDTH * 256);
  #images: (number | string)[] = [];

  add({ id, position, category, bbox, area, crowd }: CocoAnnotation, image: number | string): void {
    const at = this.#images.length * WIDTH;
    if (at === this.#rows.length) {
      const larger = new Float64Array(at * 2);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    this.#rows.set([id, position, category, ...bbox, area ?? Number.NaN, crowd ? 1 : 0], at);
    this.#images.push(image);
  }

  get count(): number {
    return this.#images.length;
  }

  imageOf(row: number): number | string {
    return this.#images[row]!;
  }

  idOf(row: number): number {
    return this.#rows[row * WIDTH]!;
  }

  categoryOf(row: number): number {
    return this.#rows[row * WIDTH + 2]!;
  }

  at(row: number): CocoAnnotation {
    const [id, position, category, x, y, w, h, area, crowd] = this.#rows.subarray(row * WIDTH, (row + 1) * WIDTH);
    return {
      id: id!,
      position: position!,
      category: category!,
      bbox: [x!, y!, w!, h!],
      area: Number.isNaN(area) ? null : area!,
      crowd: crowd === 1,
    };
  }

  ids(): Float64Array {
    return Float64Array.from({ length: this.count }, (_, row) => this.idOf(row));
  }
}

/** Ids that occur more than once. @param ids are sorted in place */
export function repeatedIds(ids: Float64Array): ReadonlySet<number> {
  const repeated = new Set<number>();
  ids.sort();
  for (let i = 1; i < ids.length; i++) if (ids[i] === ids[i - 1]) repeated.add(ids[i]!);
  return repeated;
}

/** Rows by group, in the order that they had (a counting sort). @param groupOf the group of each row; -1: in none */
export function groupRows(
  groupOf: Int32Array,
  groups: number,
): { readonly rows: Int32Array; of(group: number): Int32Array } {
  const start = new Int32Array(groups + 1);
  for (const group of groupOf) if (group >= 0) start[group + 1]!++;
  for (let group = 0; group < groups; group++) start[group + 1]! += start[group]!;
  const next = start.slice(0, groups);
  const rows = new Int32Array(start[groups]!);
  groupOf.forEach((group, row) => {
    if (group >= 0) rows[next[group]!++] = row;
  });
  return { rows, of: (group) => rows.subarray(start[group], start[group + 1]) };
}
