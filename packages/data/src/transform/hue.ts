/**
 * Turns the hue of every pixel, saturation and value kept (HSV, as in Smith 1978), in place.
 * @param data [h, w, 3] 8-bit RGB
 * @param turns in turns of the colour circle, e.g. 1 / 3 makes red green
 */
export function shiftHue(data: Uint8Array, turns: number): void {
  const shift = (turns - Math.floor(turns)) * 6;
  for (let i = 0; i < data.length; i += 3) {
    const r = data[i]!;
    const g = data[i + 1]!;
    const b = data[i + 2]!;
    const high = Math.max(r, g, b);
    const chroma = high - Math.min(r, g, b);
    if (chroma === 0) continue;
    let hue = high === r ? (g - b) / chroma : high === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
    hue += shift;
    hue -= 6 * Math.floor(hue / 6);
    data[i] = channel(hue, 5, high, chroma);
    data[i + 1] = channel(hue, 3, high, chroma);
    data[i + 2] = channel(hue, 1, high, chroma);
  }
}

/** One channel of hue, value and chroma: `value - chroma * clamp(min(k, 4 - k), 0, 1)` with `k = (n + hue) mod 6`. */
function channel(hue: number, n: number, high: number, chroma: number): number {
  const k = n + hue >= 6 ? n + hue - 6 : n + hue;
  const ramp = k < 4 - k ? k : 4 - k;
  return high - chroma * (ramp < 0 ? 0 : ramp > 1 ? 1 : ramp) + 0.5;
}
