/** What the page shows of a run on its validation images: computed by the caller, who can open data and models. */
export interface Findings {
  /** Of which step the weights are; null where the folder does not tell. */
  readonly step: number | null;
  readonly classes: readonly ClassCurve[];
  /** From this score on a detection counts as such in pictures: where F1 over all classes is highest. */
  readonly cut: Cut;
  readonly falseOnes: number;
  readonly missedOnes: number;
  readonly crops: { readonly falseOnes: readonly Crop[]; readonly missed: readonly Crop[] };
  /** Why there are no pictures, or fewer. */
  readonly notes: readonly string[];
}

export interface ClassCurve {
  readonly name: string;
  readonly objects: number;
  /** Precision at recalls 0, 0.01, … 1; null without objects. */
  readonly precision: ArrayLike<number> | null;
}

export interface Cut {
  readonly score: number;
  /** At this score, over all classes. */
  readonly precision: number;
  readonly recall: number;
}

export interface Picture {
  /** `data:image/jpeg;base64,…` */
  readonly uri: string;
  /** The part of the image that it shows: left, top, width, height in pixels of the image. */
  readonly view: readonly [number, number, number, number];
}

export interface DrawnBox {
  /** x1 y1 x2 y2 in pixels of the image */
  readonly box: readonly [number, number, number, number];
  readonly kind: 'hit' | 'false' | 'missed' | 'object';
  /** Shown when a pointer rests on it, and read out. */
  readonly text: string;
}

export interface Crop {
  readonly picture: Picture;
  readonly boxes: readonly DrawnBox[];
  readonly caption: string;
}

/** The same images, as several models see them. */
export interface SideBySide {
  readonly models: readonly { readonly name: string; readonly isTeacher: boolean; readonly cut: Cut }[];
  readonly images: readonly {
    readonly name: string;
    readonly picture: Picture;
    /** Boxes by model, as above. */
    readonly boxes: readonly (readonly DrawnBox[])[];
  }[];
}

/** Strength of features, teacher's and student's, level by level. */
export interface FeatureMaps {
  readonly run: string;
  /** What it is called: `teacher`, or `teacher big` of several. */
  readonly teacher: string;
  readonly images: readonly {
    readonly name: string;
    readonly picture: Picture;
    readonly levels: readonly {
      readonly tap: string;
      /** Where it has another name. */
      readonly teacherTap?: string;
      readonly stride: number;
      /** `data:image/png;base64,…`, a pixel a cell */
      readonly teacher: string;
      readonly student: string;
      readonly difference: string;
      /** Correlation of the two maps over the image. */
      readonly correlation: number;
    }[];
  }[];
}

/** Something, or a sentence that says why it is not there. */
export type OrWhy<T> = { readonly value: T; readonly why?: never } | { readonly why: string; readonly value?: never };
