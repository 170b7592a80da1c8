import { describe, expect, it } from 'vitest';
import { decodeImage } from './decode.js';

interface Parts {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly data: readonly number[];
  readonly compression?: number;
  readonly colours?: readonly (readonly [number, number, number])[];
  readonly masks?: readonly number[];
  /** Size of the header; 12 is that of OS/2. */
  readonly header?: number;
  /** Size of the header that stands in it. */
  readonly says?: number;
  /** Bytes between palette and pixels. */
  readonly gap?: number;
  /** Colours that the header says that there are. */
  readonly count?: number;
}

/** A BMP of given headers, colours (red, green, blue) and bytes of pixels. */
function bmp({
  width,
  height,
  bits,
  data,
  compression = 0,
  colours = [],
  masks = [],
  header = 40,
  gap = 0,
  count,
  says,
}: Parts) {
  const core = header === 12;
  const head = Buffer.alloc(14 + header);
  head.write('BM');
  head.writeUInt32LE(says ?? header, 14);
  if (core) [width, height, 1, bits].forEach((value, i) => head.writeUInt16LE(value, 18 + 2 * i));
  else {
    head.writeInt32LE(width, 18);
    head.writeInt32LE(height, 22);
    head.writeUInt16LE(1, 26);
    head.writeUInt16LE(bits, 28);
    head.writeUInt32LE(compression, 30);
    head.writeUInt32LE(count ?? colours.length, 46);
  }
  const fields = Buffer.alloc(4 * masks.length);
  masks.forEach((mask, i) => fields.writeUInt32LE(mask, 4 * i));
  if (header > 40) fields.copy(head, 54);
  const palette = Buffer.from(colours.flatMap(([r, g, b]) => (core ? [b, g, r] : [b, g, r, 0])));
  const before = [head, ...(header > 40 ? [] : [fields]), palette, Buffer.alloc(gap, 0xee)];
  const whole = Buffer.concat([...before, Buffer.from(data)]);
  whole.writeUInt32LE(whole.length - data.length, 10);
  return whole;
}
const decode = (bytes: Buffer, maxPixels = 1e6) => decodeImage(bytes, 'a.bmp', { declared: null, maxPixels });
const pixels = async (parts: Parts) => [...(await decode(bmp(parts))).data];

const [red, green, blue, black] = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [0, 0, 0],
] as const;

describe('BMP', () => {
  it('has its rows from the bottom, or from the top where the height is negative', async () => {
    const data = [0, 0, 255, 0, 255, 0, 0, 0, /* row 2 */ 255, 0, 0, 0, 0, 0, 0, 0];
    const stored = { width: 2, height: 2, bits: 24, data };
    expect(await decode(bmp(stored))).toEqual({
      data: Uint8Array.from([blue, black, red, green].flat()),
      width: 2,
      height: 2,
    });
    expect(await pixels({ ...stored, height: -2 })).toEqual([red, green, blue, black].flat());
    for (const header of [12, 52, 56, 64, 108, 124])
      expect(await pixels({ ...stored, header })).toEqual([blue, black, red, green].flat());
    expect(await pixels({ ...stored, gap: 6 })).toEqual([blue, black, red, green].flat());
    expect(await pixels({ ...stored, data: data.slice(0, -2) })).toEqual([blue, black, red, green].flat());
  });

  it('looks palettes of 1, 4 and 8 bits up, also where a row ends inside of a byte', async () => {
    const colours = [red, green, blue];
    const two = [black, green];
    expect(await pixels({ width: 9, height: 1, bits: 1, colours: two, data: [0b01000001, 0x80, 0, 0] })).toEqual(
      [0, 1, 0, 0, 0, 0, 0, 1, 1].flatMap((i) => two[i]!),
    );
    const nibbles = { width: 3, height: 2, bits: 4, colours, data: [0x01, 0x20, 0, 0, 0x21, 0x10, 0, 0] };
    expect(await pixels(nibbles)).toEqual([blue, green, green, red, green, blue].flat());
    expect(await pixels({ ...nibbles, header: 12, colours: [...colours, ...Array<typeof red>(13).fill(red)] })).toEqual(
      [blue, green, green, red, green, blue].flat(),
    );
    expect(await pixels({ width: 2, height: 1, bits: 8, colours, data: [2, 0, 0, 0] })).toEqual([blue, red].flat());
  });

  it('takes fields of 16 and 32 bits by their masks', async () => {
    const word = (...values: number[]) => values.flatMap((value) => [value & 255, value >> 8]);
    const sixteen = { width: 4, height: 1, bits: 16, data: word(0x7c00, 0x03e0, 0x001f, 0x4210) };
    expect(await pixels(sixteen)).toEqual([...red, ...green, ...blue, 131, 131, 131]); // 16 · 255 / 31 = 131.6
    expect(
      await pixels({
        ...sixteen,
        compression: 3,
        masks: [0xf800, 0x7e0, 0x1f],
        data: word(0xf800, 0x7e0, 0x1f, 0x8410),
      }),
    ).toEqual([...red, ...green, ...blue, 131, 129, 131]); // 32 · 255 / 63 = 129.5
    const wide = { width: 2, height: 1, bits: 32, data: [1, 2, 3, 200, 0, 0, 255, 0] };
    expect(await pixels(wide)).toEqual([3, 2, 1, 255, 0, 0]);
    for (const header of [40, 56, 124])
      expect(await pixels({ ...wide, header, compression: 3, masks: [0xff000000, 0xff0000, 0xff00] })).toEqual([
        200, 3, 2, 0, 255, 0,
      ]);
  });

  it('follows runs of 8 and 4 bits, with stored pieces, ends of rows and jumps', async () => {
    const colours = [black, red, green, blue];
    const names = (text: string) => [...text].flatMap((name) => colours['-rgb'.indexOf(name)]!);
    const eight = [3, 1, 0, 0, /* stored */ 0, 3, 1, 2, 3, 0, 0, 0, /* jump */ 0, 2, 1, 1, 1, 3, 0, 1];
    expect(await pixels({ width: 3, height: 4, bits: 8, compression: 1, colours, data: eight })).toEqual(
      names('-b-' + '---' + 'rgb' + 'rrr'),
    );
    const four = [5, 0x12, 0, 0, 0, 5, 0x32, 0x13, 0x20, 0, 0, 1];
    expect(await pixels({ width: 5, height: 2, bits: 4, compression: 2, colours, data: four })).toEqual(
      names('bgrbg' + 'rgrgr'),
    );
    expect(await pixels({ width: 2, height: 1, bits: 8, compression: 1, colours, data: [200, 1, 0, 1] })).toEqual(
      names('rr'), // what runs beyond the row is cut off
    );
  });

  it('fills what runs leave out with the first colour, however much of it there is', async () => {
    const huge = { width: 8192, height: 8192, bits: 8, compression: 1, colours: [green, red], data: [2, 1, 0, 1] };
    const { data } = await decode(bmp(huge), 1e8);
    expect(data).toHaveLength(3 * 8192 * 8192);
    const last = 3 * 8192 * 8191;
    expect([...data.subarray(last, last + 9)]).toEqual([red, red, green].flat());
    expect([0, 3 * 8192 * 4000, last - 3].map((at) => [...data.subarray(at, at + 3)])).toEqual([green, green, green]);
    await expect(decode(bmp({ ...huge, data: [] }), 1e8)).rejects.toThrow(/ends before its pixels do/);
  });

  it.each([
    ['pixels that are cut off', { width: 3, height: 2, bits: 24, data: [1, 2, 3] }, /ends before its pixels/],
    [
      'runs that are cut off',
      { width: 3, height: 2, bits: 8, compression: 1, colours: [red], data: [3, 0, 0] },
      /ends/,
    ],
    ['a colour beyond the palette', { width: 1, height: 1, bits: 8, colours: [red], data: [7] }, /colour 7.*palette 1/],
    ['PNG inside', { width: 1, height: 1, bits: 32, compression: 5, data: [0, 0, 0, 0] }, /compression 5/],
    ['3 bits', { width: 1, height: 1, bits: 3, data: [0] }, /3 bits/],
    ['no width', { width: 0, height: 1, bits: 24, data: [] }, /0x1/],
    ['a negative width', { width: -5, height: 1, bits: 24, data: [] }, /-5x1/],
    ['more pixels than allowed', { width: 2e9, height: -2e9, bits: 24, data: [] }, /2000000000x2000000000.*limit/],
    ['a header of another size', { width: 1, height: 1, bits: 24, says: 20, data: [0, 0, 0] }, /20 bytes/],
    ['a palette that ends early', { width: 1, height: 1, bits: 8, count: 200, data: [] }, /header is damaged/],
    ['4 billion colours', { width: 1, height: 1, bits: 8, count: 4e9, data: [0, 0, 0, 0] }, /header is damaged/],
  ] as const)('refuses %s', async (_, parts, message) => {
    await expect(decode(bmp(parts))).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
      message: expect.stringMatching(message) as string,
    });
  });

  it('refuses what only begins with BM, and a file cut anywhere', async () => {
    await expect(decode(Buffer.from('BM'))).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
    const whole = bmp({ width: 4, height: 3, bits: 8, colours: [red, green], data: Array<number>(12).fill(1) });
    expect((await decode(whole)).data).toHaveLength(36);
    for (let length = 0; length < whole.length; length++)
      await expect(decode(whole.subarray(0, length)), `cut to ${length}`).rejects.toMatchObject({
        code: 'IMAGE_INVALID',
      });
  });

  it('declared sizes must fit, as of every image', async () => {
    const bytes = bmp({ width: 2, height: 1, bits: 24, data: [0, 0, 0, 0, 0, 0, 0, 0] });
    await expect(decodeImage(bytes, 'a.bmp', { declared: { width: 1, height: 2 }, maxPixels: 9 })).rejects.toThrow(
      /1x2, but the image has 2x1/,
    );
  });
});
