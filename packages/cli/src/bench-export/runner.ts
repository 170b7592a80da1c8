import type { HostImage } from '@kd/data';
import type { ExportedModel } from '@kd/detect';

/** Something that finds objects on decoded images. */
export interface Runner {
  readonly name: string;
  /** What the exported file says of itself; not of a run. */
  readonly info?: ExportedModel;
  detect(image: HostImage): Promise<unknown>;
  dispose(): Promise<void> | void;
}

/** What would run it, were it there. */
export interface Missing {
  readonly name: string;
  /** Why it is not measured, and what to do. */
  readonly missing: string;
}
