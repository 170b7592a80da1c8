/** A stretch of time in which one part of a training step ran. */
export interface ProfileSpan {
  /** The row that it counts to: `teacher`, `backward`, the id of a distiller. */
  readonly part: string;
  /** The same, or more: `ssim.lossCompose`. */
  readonly name: string;
  /** Milliseconds since the profile began. */
  readonly start: number;
  readonly end: number;
  /** Of an op of a compiled step: ops that run side by side have others. */
  readonly lane?: number;
}

export interface ProfiledStep {
  /** Steps done with it. */
  readonly step: number;
  /** Milliseconds since the profile began: from asking for its data to the update. */
  readonly start: number;
  readonly end: number;
  /**
   * The largest resident memory of the process in this step, in bytes; null where the system does not tell (Linux
   * does).
   */
  readonly peakMemory: number | null;
  /** Live tensors after it. */
  readonly tensors: number;
}

export interface ProfiledPart {
  /** `the rest` is what no part covers. */
  readonly part: string;
  /**
   * Mean of a step, less what other parts took inside of it: the parts add up to the step. Ops of a compiled step that
   * run side by side share the time, each alike.
   */
  readonly milliseconds: number;
  /** Of the step, in [0, 1]. */
  readonly share: number;
  /** Mean of what the device took for it, whenever it did; only where the device is timed. */
  readonly deviceMilliseconds?: number;
}

/** Where the time of training steps goes. */
export interface Profile {
  readonly steps: readonly ProfiledStep[];
  /**
   * How many of the first `steps` are not in `parts`, nor in `milliseconds` and `peakMemory`: what is made once is made
   * in them.
   */
  readonly warmUp: number;
  /** Mean of a step. */
  readonly milliseconds: number;
  /**
   * Of a graphics card, the mean of what it took for a step, whenever it did; null where it has no clock that the
   * engine reads, so that all times are the host's.
   */
  readonly deviceMilliseconds?: number | null;
  /** The largest of the steps, in bytes. */
  readonly peakMemory: number | null;
  /** By descending time. */
  readonly parts: readonly ProfiledPart[];
  /** By their ends: of parts inside of parts the inner one comes first. */
  readonly spans: readonly ProfileSpan[];
}
