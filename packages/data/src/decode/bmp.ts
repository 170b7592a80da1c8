import type { BmpHeader } from './bmp-header.js';

/**
 * The pixels of a BMP file, top row first; what fills a pixel beside red, green and blue is left out. Fields of fewer
 * than 8 bits are scaled and cut to whole numbers, as Pillow does.
 * @returns [h, w, 3]
 * @throws Error where the file ends too soon, or a pixel has a colour that the palette does not
 */
export function decodeBmp(bytes: Uint8Array, header: BmpHeader): Uint8Array {
  const { width, height, topDown, bits } = header;
  const rgb = new Uint8Array(width * height * 3);
  const rowAt = (row: number): number => (topDown ? row : height - 1 - row) * width * 3;
  if (header.runs) paintRuns(bytes, header, rgb, rowAt);
  else {
    const pixelAt = bits > 8 ? trueColour(bytes, header) : colourOf(bytes, header);
    eachRow(bytes, header, (row, at) => {
      for (let x = 0, to = rowAt(row); x < width; x++, to += 3) pixelAt(at, x, rgb, to);
    });
  }
  return rgb;
}

/** Goes through rows as they are stored, each of which begins at a multiple of four bytes. */
function eachRow(
  bytes: Uint8Array,
  { width, height, bits, pixels }: BmpHeader,
  take: (row: number, at: number) => void,
): void {
  const stride = Math.ceil((width * bits) / 32) * 4;
  if (pixels + stride * (height - 1) + Math.ceil((width * bits) / 8) > bytes.length) throw new Error(TRUNCATED);
  for (let row = 0; row < height; row++) take(row, pixels + row * stride);
}

const TRUNCATED = 'the file ends before its pixels do';

/** Puts pixel `x` of the row that begins at `at`. */
type PutPixel = (at: number, x: number, rgb: Uint8Array, to: number) => void;

function trueColour(bytes: Uint8Array, { bits, masks }: BmpHeader): PutPixel {
  if (bits === 24)
    return (row, x, rgb, to) => {
      const at = row + 3 * x;
      rgb[to] = bytes[at + 2]!;
      rgb[to + 1] = bytes[at + 1]!;
      rgb[to + 2] = bytes[at]!;
    };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields = masks.map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
    return { shift, most: mask >>> shift };
  });
  return (row, x, rgb, to) => {
    const pixel = bits === 16 ? view.getUint16(row + 2 * x, true) : view.getUint32(row + 4 * x, true);
    for (let c = 0; c < 3; c++) {
      const { shift, most } = fields[c]!;
      rgb[to + c] = most === 0 ? 0 : Math.floor((((pixel >>> shift) & most) >>> 0) * (255 / most) + 1e-9);
    }
  };
}

/** Puts a colour of the palette. */
function painter({ palette }: BmpHeader): (index: number, rgb: Uint8Array, to: number) => void {
  const colours = Uint8Array.from(palette.flat());
  return (index, rgb, to) => {
    if (index * 3 >= colours.length)
      throw new Error(`a pixel has colour ${index}, and the palette ${palette.length}, counted from 0`);
    rgb[to] = colours[index * 3]!;
    rgb[to + 1] = colours[index * 3 + 1]!;
    rgb[to + 2] = colours[index * 3 + 2]!;
  };
}

function colourOf(bytes: Uint8Array, header: BmpHeader): PutPixel {
  const { bits } = header;
  const perByte = 8 / bits;
  const paint = painter(header);
  return (row, x, rgb, to) => {
    const byte = bytes[row + Math.floor(x / perByte)]!;
    paint((byte >> (8 - bits * ((x % perByte) + 1))) & ((1 << bits) - 1), rgb, to);
  };
}

/**
 * Run lengths of 8 and of 4 bits; pixels that are skipped have colour 0. A few bytes can skip millions of pixels: these
 * are filled as a whole, and single ones only painted as far as there are runs.
 */
function paintRuns(bytes: Uint8Array, header: BmpHeader, rgb: Uint8Array, rowAt: (row: number) => number): void {
  const { width, height, bits, pixels } = header;
  const paint = painter(header);
  paint(0, rgb, 0);
  if (rgb[0] !== 0 || rgb[1] !== 0 || rgb[2] !== 0)
    for (let done = 3; done < rgb.length; done *= 2) rgb.copyWithin(done, 0, done);
  let [at, x, row] = [pixels, 0, 0];
  const next = (): number => {
    if (at >= bytes.length) throw new Error(TRUNCATED);
    return bytes[at++]!;
  };
  const put = (index: number): void => {
    if (x < width) paint(index, rgb, rowAt(row) + 3 * x++);
  };
  while (row < height) {
    const [count, value] = [next(), next()];
    if (count > 0) for (let i = 0; i < count; i++) put(bits === 8 ? value : i % 2 === 0 ? value >> 4 : value & 15);
    else if (value === 0) [x, row] = [0, row + 1];
    else if (value === 1) break;
    else if (value === 2) [x, row] = [x + next(), row + next()];
    else {
      const from = at;
      for (let i = 0, byte = 0; i < value; i++) {
        if (bits === 8 || i % 2 === 0) byte = next();
        put(bits === 8 ? byte : i % 2 === 0 ? byte >> 4 : byte & 15);
      }
      at += (at - from) % 2; // stored runs end at even places
    }
  }
}
