import { halfToFloat } from './host-floats.js';

const words = new Uint32Array(1);
const float = new Float32Array(words.buffer);

/** Values as IEEE half floats, rounded to the nearest, ties to even; beyond 65504 they become infinite. */
export const toHalf = (values: Float32Array): Uint16Array => Uint16Array.from(values, halfOf);

function halfOf(value: number): number {
  float[0] = value;
  const bits = words[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  const to = exponent - 112;
  if (to >= 31) return sign | 0x7c00;
  // A carry out of the fraction goes into the exponent, as it should.
  if (to > 0) return sign | rounded((to << 23) | fraction, 13);
  return to < -10 ? sign : sign | rounded(0x800000 | fraction, 14 - to);
}

function rounded(bits: number, shift: number): number {
  const kept = bits >>> shift;
  const rest = bits - kept * 2 ** shift;
  const half = 2 ** (shift - 1);
  return rest > half || (rest === half && kept % 2 === 1) ? kept + 1 : kept;
}

const floats = new Float32Array(65_536);
let filled = false;

/** Half floats as float32, by a table. */
export function fromHalf(values: Uint16Array): Float32Array {
  if (!filled) for (let bits = 0; bits < 65_536; bits++) floats[bits] = halfToFloat(bits);
  filled = true;
  const out = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = floats[values[i]!]!;
  return out;
}
