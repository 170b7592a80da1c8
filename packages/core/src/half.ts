import { halfToFloat } from './host-floats.js';

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The nearest half precision number, ties to even; infinity beyond 65519.99…, subnormals kept. */
export function floatToHalf(value: number): number {
  float[0] = value;
  // A double between two singles could be rounded twice; a sticky last bit keeps the tie decision of the second
  // rounding right.
  if (float[0] !== value && Number.isFinite(value) && Number.isFinite(float[0])) {
    if (Math.abs(float[0]) > Math.abs(value)) bits[0]! -= 1;
    bits[0]! |= 1;
  }
  const single = bits[0]!;
  const sign = (single >>> 16) & 0x8000;
  const magnitude = single & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | roundShift(magnitude - 0x38000000, 13);
  if (magnitude < 0x33000000) return sign;
  const shift = 126 - (magnitude >>> 23);
  return sign | roundShift((magnitude & 0x7fffff) | 0x800000, shift);
}

/** value / 2^shift, rounded to nearest, ties to even. */
function roundShift(value: number, shift: number): number {
  const floor = Math.floor(value / 2 ** shift);
  const rest = value - floor * 2 ** shift;
  const half = 2 ** (shift - 1);
  return rest > half || (rest === half && (floor & 1) === 1) ? floor + 1 : floor;
}

/** Values as IEEE half floats, rounded to the nearest, ties to even; beyond 65504 they become infinite. */
export const toHalf = (values: Float32Array): Uint16Array => Uint16Array.from(values, floatToHalf);

const floats = new Float32Array(65_536);
let filled = false;

/** Half floats as float32, by a table; into `out`, where it is given. */
export function fromHalf(values: Uint16Array, out = new Float32Array(values.length)): Float32Array {
  if (!filled) for (let half = 0; half < 65_536; half++) floats[half] = halfToFloat(half);
  filled = true;
  for (let i = 0; i < values.length; i++) out[i] = floats[values[i]!]!;
  return out;
}
