/** 32 well mixed bits from two coordinates and a seed: noise that needs no state and so no order of drawing. */
export function hashBits(x: number, y: number, seed: number): number {
  let h = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ seed;
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A number in [0, 1). */
export const hashNoise = (x: number, y: number, seed: number): number => hashBits(x, y, seed) / 4294967296;

/**
 * Smooth noise in [0, 1]: hashed values on a lattice, bilinear between them with eased weights.
 * @param cell distance of the lattice's points in pixels
 * @returns what gives a row of it, [w], until the next one is asked for
 */
export function smoothNoise(width: number, cell: number, seed: number): (y: number) => Float32Array {
  const lattice = new Float32Array(Math.ceil(width / cell) + 1);
  const out = new Float32Array(width);
  const [left, weight] = [new Int32Array(width), new Float64Array(width)];
  for (let x = 0; x < width; x++) {
    left[x] = Math.floor(x / cell);
    weight[x] = ease(x / cell - left[x]!);
  }
  return (y) => {
    const y0 = Math.floor(y / cell);
    const v = ease(y / cell - y0);
    for (let i = 0; i < lattice.length; i++)
      lattice[i] = hashNoise(i, y0, seed) * (1 - v) + hashNoise(i, y0 + 1, seed) * v;
    for (let x = 0; x < width; x++) {
      const i = left[x]!;
      const u = weight[x]!;
      out[x] = lattice[i]! * (1 - u) + lattice[i + 1]! * u;
    }
    return out;
  };
}

const ease = (t: number): number => t * t * (3 - 2 * t);
