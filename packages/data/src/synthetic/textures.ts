import { hashNoise } from './hash-noise.js';

/** Share of the second colour at a point of the object's frame (its radius is 1), from a seed for phases. */
export const TEXTURES = {
  stripes: (x: number, _y: number, seed: number) => ((x * 2.4 + hashNoise(1, 2, seed)) % 1 + 1) % 1 < 0.5 ? 1 : 0,
  checker: (x: number, y: number, seed: number) => (Math.floor(x * 2.2 + hashNoise(3, 4, seed)) + Math.floor(y * 2.2 + hashNoise(5, 6, seed))) & 1,
  speckles: (x: number, y: number, seed: number) => (hashNoise(Math.floor((x + 2) * 6), Math.floor((y + 2) * 6), seed) < 0.3 ? 1 : 0),
  plain: () => 0,
} as const;

export type Texture = keyof typeof TEXTURES;
