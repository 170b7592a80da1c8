import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** A stream of random numbers that depends on its seed and its name alone. */
export interface Rng {
  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number;
  /** In [0, 1). */
  uniform(): number;
  /** Normal with mean 0 and deviation 1. */
  normal(): number;
  /** A shuffled copy. */
  shuffle<T>(items: readonly T[]): T[];
  /** An independent stream, named: the same names give the same stream, however much of this one was used. */
  stream(...names: readonly (string | number)[]): Rng;
}

/** @param names the path of the stream, e.g. `'loader', epoch, imageIndex` */
export function createRng(seed: number, ...names: readonly (string | number)[]): Rng {
  const generator = xoroshiro128plus(hash(JSON.stringify([seed, ...names])));
  const rng: Rng = {
    int: (min, max) => uniformInt(generator, min, max),
    uniform: () => uniformFloat64(generator),
    normal: () => Math.sqrt(-2 * Math.log(1 - rng.uniform())) * Math.cos(2 * Math.PI * rng.uniform()),
    shuffle: (items) => {
      const copy = [...items];
      for (let i = copy.length - 1; i > 0; i--) {
        const j = rng.int(0, i);
        [copy[i], copy[j]] = [copy[j]!, copy[i]!];
      }
      return copy;
    },
    stream: (...more) => createRng(seed, ...names, ...more),
  };
  return rng;
}

/** FNV-1a with a final avalanche, 32 bits: a seed from a name. */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return avalanche(h);
}

/** The end of MurmurHash3: every bit of the word moves all of the result, 32 bits. */
export function avalanche(word: number): number {
  const h = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  const g = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return g ^ (g >>> 16);
}
