/** A number in [0, 1) from two coordinates and a seed: noise that needs no state and so no order of drawing. */
export function hashNoise(x: number, y: number, seed: number): number {
  let h = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ seed;
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}

/** Smooth noise in [0, 1]: hashed values on a lattice of unit cells, bilinear with eased weights. */
export function valueNoise(x: number, y: number, seed: number): number {
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  const [u, v] = [ease(x - x0), ease(y - y0)];
  const top = hashNoise(x0, y0, seed) * (1 - u) + hashNoise(x0 + 1, y0, seed) * u;
  const bottom = hashNoise(x0, y0 + 1, seed) * (1 - u) + hashNoise(x0 + 1, y0 + 1, seed) * u;
  return top * (1 - v) + bottom * v;
}

const ease = (t: number): number => t * t * (3 - 2 * t);
