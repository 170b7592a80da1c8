import type { Template } from './template.js';

/** Whose names a map knows. */
export type Family = 'torchvision' | 'mmdet' | 'efficientnet';

/**
 * A layer of the file and ours, the last part of the name (`weight`, `running_mean`, …) left out. Read both ways; the
 * first rule that fits counts. Where ours are several, a model has one of them, and the first is taken without one.
 */
export interface NameRule {
  readonly theirs: Template;
  readonly ours: Template | readonly Template[];
  /** Only where this count is not 0, or is 0. */
  readonly when?: string;
  readonly unless?: string;
}

/** Rows of a second stage's class and box layers, which other programs order in another way; ours is torchvision's. */
export interface ClassRows {
  /** Our layers. Rows of `boxes` are reordered where there are four a class. */
  readonly classes: Template;
  readonly boxes: Template;
  /** One box serves all classes, as far as the file can tell; else there is one a class. */
  readonly oneBox?: true;
}

/** How a program names the tensors of a model, as data. */
export interface NameMap {
  readonly id: string;
  readonly family: Family;
  /** For messages: "mmdetection's FCOS". */
  readonly title: string;
  /** Our detector that the tensors are of; null for a backbone alone. */
  readonly detector: string | null;
  /** Names that all stand in such a file, without the last part, and those of which none does. */
  readonly theirs: Signs;
  /** The same of our names, for the way back; left out for older names that nobody writes any more. */
  readonly ours?: Signs;
  /** Names of older versions, and what they are called now; read one way. */
  readonly older?: readonly (readonly [Template, Template])[];
  /** Layers counted, in their names and in ours. */
  readonly counts?: Readonly<Record<string, readonly [Template, Template]>>;
  readonly rules: readonly NameRule[];
  /** Whole names that are left out, and why. */
  readonly ignored: readonly (readonly [Template, string])[];
  /** Whole names of variants that no detector here computes, and what they are. */
  readonly foreign?: readonly (readonly [Template, string])[];
  /** The background's place is last in the file, first in ours. */
  readonly backgroundLast?: ClassRows;
  /** What the detector's options have to say for such a file, where a layer is there or, with `without`, is not. */
  readonly needs?: readonly {
    readonly where?: Template;
    readonly without?: Template;
    readonly options: string;
  }[];
}

export interface Signs {
  readonly has: readonly Template[];
  readonly not?: readonly Template[];
}
