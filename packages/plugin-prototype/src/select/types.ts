/** Instances of one class on one level, seen by both networks: row i of both matrices is the same instance. */
export interface PairedFeatures {
  /** [n, dt], row by row. */
  readonly teacher: Float32Array;
  /** [n, ds], row by row. */
  readonly student: Float32Array;
  readonly teacherChannels: number;
  readonly studentChannels: number;
}

/** The same, read in blocks, for what does not fit into memory. */
export interface FeatureRows {
  readonly rows: number;
  readonly teacherChannels: number;
  readonly studentChannels: number;
  /**
   * Rows `from` to `to` (exclusive) of both spaces, not normalised. Called several times for every row; the arrays may
   * be reused after the next call.
   */
  read(from: number, to: number): RowBlock | Promise<RowBlock>;
}

export interface RowBlock {
  /** [to - from, dt] */
  readonly teacher: Float32Array;
  /** [to - from, ds] */
  readonly student: Float32Array;
}

export interface DensityOptions {
  /** Distances (1 - cosine) are divided by it. Default 0.1. */
  readonly bandwidth?: number;
  /** Share of instances that a candidate is denser than, in both spaces; `sparse` ones lie within it. Default 0.4. */
  readonly quantile?: number;
  /** Up to so many rows every pair counts. Default 8192. */
  readonly exactRows?: number;
  /** Above, so many fixed random rows stand for all. Default 4096. */
  readonly references?: number;
}

export interface SelectOptions {
  /** K: prototypes at the most. Default 10. */
  readonly count?: number;
  /** lambda: how much an instance is asked to be described alike in both spaces. Default 10. */
  readonly similarity?: number;
  /** Divide every row by its norm, in each space on its own. Default true. */
  readonly normalize?: boolean;
  /**
   * Which instances may become prototypes: those in dense places of both spaces, those in `sparse` places of both
   * (ambiguous ones, to compare with), or all. Default `density`.
   */
  readonly candidates?: 'density' | 'sparse' | 'all';
  readonly density?: DensityOptions;
  /** Let an instance be chosen again, as published runs did. Default false. */
  readonly allowRepeat?: boolean;
  /** Stop when the best gain is at most this share of the initial energy. Default 1e-6. */
  readonly stopTolerance?: number;
  /** Two instances are twins when their cosine is above 1 - this in both spaces. Default 1e-6. */
  readonly twinTolerance?: number;
  /** Of reference rows and of selectors that draw. Default 0. */
  readonly seed?: number;
  /** Called between blocks and picks. */
  readonly signal?: AbortSignal;
}

/** Per pick, in order of selection; energies are sums of squares over all instances. */
export interface Selection {
  /** The chosen instances [k], k <= count. */
  readonly rows: Int32Array;
  /** Energy removed: residual energy of both spaces before the pick less `objective`. */
  readonly gains: Float64Array;
  /** Residual energy of both spaces after the pick, plus the similarity term of this pick. */
  readonly objective: Float64Array;
  /** Residual energy of both spaces, plus the similarity terms of all picks so far. */
  readonly totalObjective: Float64Array;
  readonly residualTeacher: Float64Array;
  readonly residualStudent: Float64Array;
  /** lambda * sum of (wt - ws)^2 of this pick. */
  readonly similarity: Float64Array;
  /** Energy of both spaces before the first pick: 2 n for normalised rows. */
  readonly initialEnergy: number;
  /** Instances that could become prototypes, ascending. */
  readonly candidates: Int32Array;
  /** The filter left too few candidates and was ignored. */
  readonly filterIgnored: boolean;
  /** Why no more were chosen: `count` reached, `exhausted` candidates, or no `gain`. */
  readonly stopped: 'count' | 'exhausted' | 'gain';
  /** Rows with a value that is not finite: they take no part. */
  readonly dropped: Int32Array;
}

/**
 * Chooses prototypes among the instances of one class and level. Needs an engine (`tf.setBackend`) and leaves no tensor
 * behind.
 * @throws KdError USAGE when matrices and channel counts do not fit each other, or an option is out of range
 */
export type Selector = (features: PairedFeatures, options?: SelectOptions) => Promise<Selection>;

/** What the prototypes say of every instance. */
export interface Explanation {
  /** [k, n] closed-form coefficients, in order of selection, teacher space. */
  readonly teacher: Float64Array;
  /** [k, n], student space. */
  readonly student: Float64Array;
  /**
   * [n] the nearest prototype (its place in the order of selection); -1 for none (dropped and zero rows, empty
   * selections).
   */
  readonly nearest: Int32Array;
  /**
   * [n] cosine with it, both spaces together: the mean of the two spaces' cosines where rows are normalised. 0 for
   * none.
   */
  readonly cosine: Float32Array;
  /** [k] instances that each prototype is nearest to, itself included. */
  readonly explained: Int32Array;
}

/** The prototypes of one class on one level. */
export interface ClassPrototypes {
  readonly selection: Selection;
  /** [k, dt] as pooled, not normalised, in order of selection. */
  readonly teacher: Float32Array;
  /** [k, ds] */
  readonly student: Float32Array;
  readonly explanation: Explanation;
}

/**
 * The prototypes of all classes on one level: class c owns rows `offsets[c]` to `offsets[c + 1]`, in order of
 * selection.
 */
export interface LevelBank {
  readonly teacherChannels: number;
  readonly studentChannels: number;
  /** [p, dt] as pooled, not normalised. */
  readonly teacher: Float32Array;
  /** [p, ds] */
  readonly student: Float32Array;
  /** [classes + 1] */
  readonly offsets: Int32Array;
  /** [p] the instance that each prototype is (row of the level's features), -1 for one kept from the previous bank. */
  readonly rows: Int32Array;
  /** [p] its row in the previous bank, -1 for one that was chosen now. */
  readonly kept: Int32Array;
  /** [p], NaN-free: 0 for kept ones. */
  readonly gains: Float64Array;
  /** [p] */
  readonly objective: Float64Array;
  /** [p] instances that each prototype is nearest to; 0 for kept ones. */
  readonly explained: Int32Array;
  /** [n] for every instance the row of the bank that is nearest to it, of its class; -1 for none. */
  readonly nearest: Int32Array;
  /** [n] cosine with it, both spaces together. */
  readonly cosine: Float32Array;
  /** Per class. */
  readonly classes: readonly ClassReport[];
}

export interface ClassReport {
  readonly instances: number;
  /** Rows that were not finite. */
  readonly dropped: number;
  readonly candidates: number;
  readonly filterIgnored: boolean;
  readonly initialEnergy: number;
  readonly stopped: Selection['stopped'];
  /** Chosen now, kept from the previous bank, or there is nothing. */
  readonly source: 'chosen' | 'kept' | 'empty';
}

/** The instances of a level with their classes. */
export interface LabelledFeatures extends PairedFeatures {
  /** [n] class of each instance, 0 to classes - 1. */
  readonly labels: ArrayLike<number>;
}

export interface BankOptions extends SelectOptions {
  readonly classes: number;
  /** Default {@link selectPursuit}. */
  readonly selector?: Selector;
  /** The bank before: a class without instances (or without usable ones) keeps its prototypes. */
  readonly previous?: Pick<LevelBank, 'teacherChannels' | 'studentChannels' | 'teacher' | 'student' | 'offsets'>;
}
