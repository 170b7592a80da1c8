/** Pixels of an image per cell of a map. */
const POWERS = [1, 2, 4, 8, 16, 32, 64, 128] as const;

/**
 * The stride of a map: a power of two where sizes round as convolutions and poolings make them, else (patches of 14
 * pixels) a whole number that divides both sizes. Null for what is no map of the image: one cell for all of it, or
 * another stride in each direction.
 * @param image [height, width] of the image
 * @param map [height, width] of the map
 */
export function strideOf(image: readonly [number, number], map: readonly [number, number]): number | null {
  if (map.some((size, axis) => size < 2 && image[axis]! > 8)) return null;
  const power = POWERS.find((one) => image.every((size, axis) => rounds(size, one, map[axis]!)));
  if (power !== undefined) return power;
  const exact = image[0] / map[0];
  return Number.isInteger(exact) && image[1] / map[1] === exact ? exact : null;
}

const rounds = (size: number, stride: number, cells: number): boolean =>
  cells === Math.ceil(size / stride) || cells === Math.floor(size / stride);
