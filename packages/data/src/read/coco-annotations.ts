import type { Annotation } from '@kd/core/plain';

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

/** Rows of a piece. */
const PIECE = 1 << 14;
/** id, category, box, area or NaN */
const REALS = 7;
/** position, image, crowd */
const WHOLES = 3;

/**
 * Annotations by the millions: numbers outside of the heap, a third of what objects would take, in pieces that are
 * never copied. What a row came to takes the place of what it was.
 */
export class CocoAnnotations {
  readonly #reals: Float64Array[] = [];
  readonly #wholes: Int32Array[] = [];
  #count = 0;

  /** @param image a number for its image */
  add({ id, position, category, bbox, area, crowd }: CocoAnnotation, image: number): void {
    const row = this.#count++;
    if (row % PIECE === 0) {
      this.#reals.push(new Float64Array(PIECE * REALS));
      this.#wholes.push(new Int32Array(PIECE * WHOLES));
    }
    this.#setReals(row, id, category, bbox, area ?? Number.NaN);
    const wholes = this.#wholes.at(-1)!;
    const at = (row % PIECE) * WHOLES;
    wholes[at] = position;
    wholes[at + 1] = image;
    wholes[at + 2] = crowd ? 1 : 0;
  }

  get count(): number {
    return this.#count;
  }

  idOf(row: number): number {
    return this.#real(row, 0);
  }

  categoryOf(row: number): number {
    return this.#real(row, 1);
  }

  imageOf(row: number): number {
    return this.#whole(row, 1);
  }

  at(row: number): CocoAnnotation {
    const area = this.#real(row, 6);
    return {
      id: this.idOf(row),
      position: this.#whole(row, 0),
      category: this.categoryOf(row),
      bbox: this.#box(row),
      area: Number.isNaN(area) ? null : area,
      crowd: this.#whole(row, 2) === 1,
    };
  }

  /** Says what the row came to; null: it is left out. From then on `settled` tells of it. */
  settle(row: number, annotation: Annotation | null): void {
    const { id, label, box, area } = annotation ?? { id: 0, label: -1, box: [0, 0, 0, 0] as const, area: 0 };
    this.#setReals(row, id, label, box, area);
  }

  settled(row: number): Annotation | null {
    const label = this.#real(row, 1);
    if (label < 0) return null;
    const [id, box, area] = [this.#real(row, 0), this.#box(row), this.#real(row, 6)];
    return { id, box, label, area, ignore: this.#whole(row, 2) === 1 };
  }

  ids(): Float64Array {
    const ids = new Float64Array(this.#count);
    for (let row = 0; row < ids.length; row++) ids[row] = this.idOf(row);
    return ids;
  }

  #real(row: number, column: number): number {
    return this.#reals[Math.floor(row / PIECE)]![(row % PIECE) * REALS + column]!;
  }

  #whole(row: number, column: number): number {
    return this.#wholes[Math.floor(row / PIECE)]![(row % PIECE) * WHOLES + column]!;
  }

  #box(row: number): [number, number, number, number] {
    return [this.#real(row, 2), this.#real(row, 3), this.#real(row, 4), this.#real(row, 5)];
  }

  #setReals(row: number, id: number, category: number, box: CocoAnnotation['bbox'], area: number): void {
    const reals = this.#reals[Math.floor(row / PIECE)]!;
    const at = (row % PIECE) * REALS;
    reals[at] = id;
    reals[at + 1] = category;
    for (let i = 0; i < 4; i++) reals[at + 2 + i] = box[i]!;
    reals[at + 6] = area;
  }
}

/** Numbers for ids, 0, 1, 2, … as they are first seen: a text that many annotations hold is kept once. */
export class Numbering {
  readonly #numbers = new Map<number | string, number>();
  readonly ids: (number | string)[] = [];

  of(id: number | string): number {
    const known = this.#numbers.get(id);
    if (known !== undefined) return known;
    this.#numbers.set(id, this.ids.length);
    return this.ids.push(id) - 1;
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
