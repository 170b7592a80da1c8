/**
 * Ink to light, one ink at a time: `(1 - c) (1 - k)`. Plain on purpose: a colour profile would give other values than
 * the
 * libraries that detectors were trained with.
 * @param data [h, w, channels] 8 bits, cyan, magenta, yellow, black first; 255 is full ink
 * @returns [h, w, 3]
 */
export function cmykToRgb(data: Uint8Array, channels: number): Uint8Array {
  const pixels = data.length / channels;
  const rgb = new Uint8Array(pixels * 3);
  for (let i = 0; i < pixels; i++) {
    const light = 255 - data[i * channels + 3]!;
    for (let c = 0; c < 3; c++) rgb[i * 3 + c] = Math.max(0, light - byteProduct(data[i * channels + c]!, light));
  }
  return rgb;
}

/** `round(a * b / 255)` */
function byteProduct(a: number, b: number): number {
  const t = a * b + 128;
  return ((t >> 8) + t) >> 8;
}
