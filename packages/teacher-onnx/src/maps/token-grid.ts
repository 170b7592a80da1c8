import { strideOf } from './stride.js';

/** How a sequence of tokens covers an image. */
export interface TokenGrid {
  readonly height: number;
  readonly width: number;
  readonly stride: number;
  /** Tokens before those of the patches: of the class, registers. */
  readonly skip: number;
}

/** A class token, with and without up to eight registers; what is left must fill a grid exactly. */
const MOST_EXTRA = 9;

/** Fewer tokens are something else: a handful of queries or registers fills a grid of 2 × 2 by chance. */
const LEAST_SIDE = 4;

/**
 * The grid of patches that `count` tokens are, with the fewest tokens left over; null where there is none.
 * @param image [height, width]
 * @param said what the person knows: how many tokens come first, pixels of a patch
 */
export function tokenGrid(
  count: number,
  image: readonly [number, number],
  said: { readonly skip?: number | undefined; readonly stride?: number | undefined } = {},
): TokenGrid | null {
  const extras = said.skip === undefined ? Array.from({ length: MOST_EXTRA + 1 }, (_, index) => index) : [said.skip];
  for (const skip of extras) {
    const grid = gridOf(count - skip, image);
    if (grid !== null && (said.stride === undefined || said.stride === grid.stride)) return { ...grid, skip };
  }
  return null;
}

/** Sides in the proportion of the image, both of whole cells. */
export function gridOf(cells: number, image: readonly [number, number]): Omit<TokenGrid, 'skip'> | null {
  const near = Math.round(Math.sqrt((cells * image[0]) / image[1]));
  for (const height of [near, near - 1, near + 1]) {
    const width = cells / height;
    if (height < LEAST_SIDE || !Number.isInteger(width) || width < LEAST_SIDE) continue;
    const stride = strideOf(image, [height, width]);
    if (stride !== null && stride >= 2) return { height, width, stride };
  }
  return null;
}
