import type { Annotation, ImageRecord } from '@kd/core/plain';

/** Makes its annotations anew each time that they are asked for: kept, they would be most of a data set. */
class LeanRecord implements ImageRecord {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly id: number | string;
  declare readonly annotations: readonly Annotation[];
  readonly #place: number;
  readonly #make: MakeAnnotations;

  constructor({ file, width, height, id }: Omit<ImageRecord, 'annotations'>, place: number, make: MakeAnnotations) {
    this.file = file;
    this.width = width;
    this.height = height;
    this.id = id;
    this.#place = place;
    this.#make = make;
    Object.defineProperty(this, 'annotations', ANNOTATIONS);
  }

  static annotationsOf(record: LeanRecord): readonly Annotation[] {
    return record.#make(record.#place);
  }
}

export type MakeAnnotations = (place: number) => readonly Annotation[];

/** Of the record itself and not of its class: copies and messages to threads take it along. */
const ANNOTATIONS: PropertyDescriptor & ThisType<LeanRecord> = {
  enumerable: true,
  get() {
    return LeanRecord.annotationsOf(this);
  },
};

/** @param place what `make` gets for this record */
export const leanRecord = (
  record: Omit<ImageRecord, 'annotations'>,
  place: number,
  make: MakeAnnotations,
): ImageRecord => new LeanRecord(record, place, make);
