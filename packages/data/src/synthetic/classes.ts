import type { Shape } from './shapes.js';
import type { Texture } from './textures.js';

export interface Look {
  readonly shape: Shape;
  readonly texture: Texture;
}

/** The classes: neither shape nor texture alone tells them all apart. */
export const CLASSES = {
  'striped-disk': { shape: 'disk', texture: 'stripes' },
  'checkered-disk': { shape: 'disk', texture: 'checker' },
  'striped-square': { shape: 'square', texture: 'stripes' },
  'checkered-square': { shape: 'square', texture: 'checker' },
  'speckled-triangle': { shape: 'triangle', texture: 'speckles' },
  'speckled-ring': { shape: 'ring', texture: 'speckles' },
} as const satisfies Readonly<Record<string, Look>>;

export type SyntheticClass = keyof typeof CLASSES;

export const CLASS_NAMES = Object.keys(CLASSES) as readonly SyntheticClass[];

/** Things that look like objects and are none. */
export const DISTRACTORS: readonly Look[] = [
  { shape: 'disk', texture: 'plain' },
  { shape: 'square', texture: 'plain' },
  { shape: 'triangle', texture: 'plain' },
  { shape: 'cross', texture: 'stripes' },
  { shape: 'cross', texture: 'checker' },
];
