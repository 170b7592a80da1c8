import type { ImageDetections } from '@kd/core';

/** What the worker tells the page. */
export type Message =
  | { readonly type: 'start'; readonly steps: number; readonly threads: number; readonly classes: readonly string[] }
  | {
      readonly type: 'log';
      readonly step: number;
      readonly terms: Readonly<Record<string, number>>;
      readonly left: number;
    }
  | {
      readonly type: 'evaluation';
      readonly step: number;
      readonly AP: number;
      readonly found: readonly ImageDetections[];
    }
  /** A file of the student as it is best. */
  | { readonly type: 'weights'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'end' }
  | { readonly type: 'failed'; readonly why: string };
