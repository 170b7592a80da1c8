import type { HostImage } from '@kd/data';

/** Something that finds objects on decoded images. */
export interface Runner {
  readonly name: string;
  detect(image: HostImage): Promise<unknown>;
  dispose(): Promise<void> | void;
}

/** What would run it, were it there. */
export interface Missing {
  readonly name: string;
  /** Why it is not measured, and what to do. */
  readonly missing: string;
}
