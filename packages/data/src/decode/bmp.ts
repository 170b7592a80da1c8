import type { BmpHeader } from './bmp-header.js';

/**
 * The pixels of a BMP file, top row first; what fills a pixel beside red, green and blue is left out. Fields of fewer
 * than 8 bits are scaled and cut to whole numbers, as Pillow does.
 * @returns [h, w, 3]
 * @throws Error where the file ends too soon, or a pixel has a colour that the palette does not
 */
export function decodeBmp(bytes: Uint8Array, header: BmpHeader): Uint8Array {
  const { width, height, topDown, bits, palette } = header;
  const rgb = new Uint8Array(width * height * 3);
  const rowAt = (row: number): number => (topDown ? row : height - 1 - row) * width * 3;
  if (bits > 8) {
    const pixelAt = trueColour(bytes, header);
    const step = bits / 8;
    eachRow(bytes, header, (row, at) => {
      for (let x = 0, to = rowAt(row); x < width; x++, to += 3) pixelAt(at + x * step, rgb, to);
    });
    return rgb;
  }
  const indices = header.runs ? runIndices(bytes, header) : plainIndices(bytes, header);
  for (let row = 0; row < height; row++) {
    for (let x = 0, to = rowAt(row); x < width; x++, to += 3) {
      const index = indices[row * width + x]!;
      const colour = palette[index];
      if (colour === undefined)
        throw new Error(`a pixel has colour ${index}, and the palette ${palette.length}, counted from 0`);
      rgb[to] = colour[0];
      rgb[to + 1] = colour[1];
      rgb[to + 2] = colour[2];
    }
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

type TakePixel = (at: number, rgb: Uint8Array, to: number) => void;

function trueColour(bytes: Uint8Array, { bits, masks }: BmpHeader): TakePixel {
  if (bits === 24)
    return (at, rgb, to) => {
      rgb[to] = bytes[at + 2]!;
      rgb[to + 1] = bytes[at + 1]!;
      rgb[to + 2] = bytes[at]!;
    };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields = masks.map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
    return { shift, most: mask >>> shift };
  });
  return (at, rgb, to) => {
    const pixel = bits === 16 ? view.getUint16(at, true) : view.getUint32(at, true);
    for (let c = 0; c < 3; c++) {
      const { shift, most } = fields[c]!;
      rgb[to + c] = most === 0 ? 0 : Math.floor((((pixel >>> shift) & most) >>> 0) * (255 / most) + 1e-9);
    }
  };
}

/** [rows, w], rows as they are stored */
function plainIndices(bytes: Uint8Array, header: BmpHeader): Uint8Array {
  const { width, height, bits } = header;
  const indices = new Uint8Array(width * height);
  const perByte = 8 / bits;
  eachRow(bytes, header, (row, at) => {
    for (let x = 0; x < width; x++) {
      const byte = bytes[at + Math.floor(x / perByte)]!;
      indices[row * width + x] = (byte >> (8 - bits * ((x % perByte) + 1))) & ((1 << bits) - 1);
    }
  });
  return indices;
}

/** Run lengths of 8 and of 4 bits; pixels that are skipped have index 0. */
function runIndices(bytes: Uint8Array, { width, height, bits, pixels }: BmpHeader): Uint8Array {
  const indices = new Uint8Array(width * height);
  let [at, x, row] = [pixels, 0, 0];
  const next = (): number => {
    if (at >= bytes.length) throw new Error(TRUNCATED);
    return bytes[at++]!;
  };
  const put = (index: number): void => {
    if (x < width) indices[row * width + x++] = index;
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
  return indices;
}
