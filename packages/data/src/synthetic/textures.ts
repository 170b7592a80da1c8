import { hashNoise } from './hash-noise.js';

/** Share of the second colour at a point of the object's frame (its radius is 1). */
export type Pattern = (x: number, y: number) => number;

/** Patterns whose phases are drawn by a seed. */
export const TEXTURES = {
  stripes: (seed: number): Pattern => {
    const phase = 4 + hashNoise(1, 2, seed);
    return (x) => ((x * 2.4 + phase) % 1 < 0.5 ? 1 : 0);
  },
  checker: (seed: number): Pattern => {
    const [px, py] = [hashNoise(3, 4, seed), hashNoise(5, 6, seed)];
    return (x, y) => (Math.floor(x * 2.2 + px) + Math.floor(y * 2.2 + py)) & 1;
  },
  speckles:
    (seed: number): Pattern =>
    (x, y) =>
      hashNoise(Math.floor((x + 2) * 6), Math.floor((y + 2) * 6), seed) < 0.3 ? 1 : 0,
  plain: (): Pattern => () => 0,
} as const;

export type Texture = keyof typeof TEXTURES;
