/** What stands before the pixels of a BMP file. */
export interface BmpHeader {
  readonly width: number;
  readonly height: number;
  /** Rows from the top; usual is from the bottom. */
  readonly topDown: boolean;
  readonly bits: 1 | 4 | 8 | 16 | 24 | 32;
  readonly runs: boolean;
  /** Where the pixels begin. */
  readonly pixels: number;
  /** Red, green, blue by index; empty from 16 bits on. */
  readonly palette: readonly (readonly [number, number, number])[];
  /** Bits of red, green and blue in a pixel of 16 or 32. */
  readonly masks: readonly [number, number, number];
}

const [PLAIN, RUNS_8, RUNS_4, BIT_FIELDS, BIT_FIELDS_ALPHA] = [0, 1, 2, 3, 6];
/** The header of OS/2, which has sizes of 16 bits and palettes without a fourth byte. */
const CORE_HEADER = 12;
const INFO_HEADER = 40;

/**
 * Reads the headers and the palette.
 * @throws Error that says what is not known, RangeError where the file ends
 */
export function bmpHeader(bytes: Uint8Array): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u16 = (at: number): number => view.getUint16(at, true);
  const u32 = (at: number): number => view.getUint32(at, true);
  const size = u32(14);
  const core = size === CORE_HEADER;
  if (!core && size < INFO_HEADER) throw new Error(`a header of ${size} bytes is not known`);
  const width = core ? u16(18) : view.getInt32(18, true);
  const rows = core ? u16(20) : view.getInt32(22, true);
  if (width <= 0 || rows === 0) throw new Error(`it promises ${width}x${rows} pixels`);
  const bits = u16(core ? 24 : 28);
  const compression = core ? PLAIN : u32(30);
  checkKind(bits, compression);
  const fields = compression === BIT_FIELDS || compression === BIT_FIELDS_ALPHA;
  const colours = core ? 0 : u32(46);
  const count = bits > 8 ? 0 : Math.min(colours === 0 ? 256 : colours, 1 << bits);
  const start = 14 + size;
  return {
    width,
    height: Math.abs(rows),
    topDown: rows < 0,
    bits,
    runs: compression === RUNS_8 || compression === RUNS_4,
    pixels: u32(10),
    palette: Array.from({ length: count }, (_, i) => {
      const at = start + i * (core ? 3 : 4);
      return [view.getUint8(at + 2), view.getUint8(at + 1), view.getUint8(at)] as const;
    }),
    masks: fields ? [u32(54), u32(58), u32(62)] : bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff],
  };
}

function checkKind(bits: number, compression: number): asserts bits is BmpHeader['bits'] {
  const fits =
    [1, 4, 8, 16, 24, 32].includes(bits) &&
    (compression === PLAIN ||
      (compression === RUNS_8 && bits === 8) ||
      (compression === RUNS_4 && bits === 4) ||
      ((compression === BIT_FIELDS || compression === BIT_FIELDS_ALPHA) && (bits === 16 || bits === 32)));
  if (!fits) throw new Error(`BMP with ${bits} bits a pixel in compression ${compression} is not read`);
}
