import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { readPixels } from '../pixels.js';
import { decodeImage, readImageSize } from './decode.js';

const [width, height] = [24, 16];
const rgb = Uint8Array.from(
  { length: width * height * 3 },
  (_, i) => (i % 3 === 0 ? (i * 3) % 256 : i % 3 === 1 ? 200 - (i % 180) : Math.floor(i / 5)) % 256,
);
const picture = (): Sharp => sharp(rgb, { raw: { width, height, channels: 3 } });
const decode = (bytes: Uint8Array, declared: { width: number; height: number } | null = null, maxPixels = 1e6) =>
  decodeImage(bytes, 'a.img', { declared, maxPixels });
const raw = (channels: 1 | 2 | 3 | 4, data: Uint8Array) =>
  sharp(data, { raw: { width: data.length / channels, height: 1, channels } });

/** A PNG of given header and rows, for what no encoder here writes. */
function png(w: number, h: number, depth: number, colour: number, rows: Buffer): Buffer {
  const chunk = (name: string, body: Buffer): Buffer => {
    const out = Buffer.alloc(body.length + 12);
    out.writeUInt32BE(body.length, 0);
    out.write(name, 4, 'latin1');
    body.copy(out, 8);
    out.writeUInt32BE(crc(out.subarray(4, 8 + body.length)), 8 + body.length);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(w, 0);
  header.writeUInt32BE(h, 4);
  header.set([depth, colour, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
function crc(bytes: Buffer): number {
  let c = 0xffffffff;
  for (const byte of bytes) {
    c ^= byte;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  }
  return (c ^ 0xffffffff) >>> 0;
}

describe('decodeImage', () => {
  it('keeps the pixels of lossless files, by content and whatever the name', async () => {
    for (const bytes of [
      await picture().png().toBuffer(),
      await picture().webp({ lossless: true }).toBuffer(),
      await picture().tiff({ compression: 'lzw' }).toBuffer(),
    ]) {
      expect(await decode(bytes)).toEqual({ data: Buffer.from(rgb), width, height });
    }
  });

  it('decodes baseline and progressive JPEG alike', async () => {
    const flat = sharp({ create: { width, height, channels: 3, background: { r: 200, g: 30, b: 60 } } });
    for (const progressive of [false, true]) {
      const { data } = await decode(await flat.clone().jpeg({ quality: 95, progressive }).toBuffer());
      [200, 30, 60].forEach((value, c) => {
        for (let i = c; i < data.length; i += 3) expect(Math.abs(data[i]! - value)).toBeLessThanOrEqual(2);
      });
    }
  });

  it('repeats grey, cuts alpha off without blending, looks palettes up', async () => {
    expect([
      ...(
        await decode(
          await raw(1, Uint8Array.of(0, 7, 255))
            .toColourspace('b-w')
            .png()
            .toBuffer(),
        )
      ).data,
    ]).toEqual([0, 0, 0, 7, 7, 7, 255, 255, 255]);
    expect([
      ...(
        await decode(
          await raw(4, Uint8Array.of(10, 20, 30, 0, 40, 50, 60, 128))
            .png()
            .toBuffer(),
        )
      ).data,
    ]).toEqual([10, 20, 30, 40, 50, 60]);
    expect([
      ...(
        await decode(
          await raw(2, Uint8Array.of(9, 0, 99, 200))
            .toColourspace('b-w')
            .png()
            .toBuffer(),
        )
      ).data,
    ]).toEqual([9, 9, 9, 99, 99, 99]);
    const palette = await raw(3, Uint8Array.of(255, 0, 0, 0, 0, 255, 255, 0, 0))
      .png({ palette: true })
      .toBuffer();
    expect((await sharp(palette).metadata()).isPalette).toBe(true);
    expect([...(await decode(palette)).data]).toEqual([255, 0, 0, 0, 0, 255, 255, 0, 0]);
  });

  it('scales 16 bits instead of clipping them', async () => {
    const values = [0, 255, 257, 1000, 32768, 65535];
    const grey = Buffer.concat([Buffer.of(0), ...values.map((v) => Buffer.of(v >> 8, v & 255))]);
    const { data } = await decode(png(values.length, 1, 16, 0, grey));
    values.forEach((value, i) => {
      for (let c = 0; c < 3; c++) expect(Math.abs(data[i * 3 + c]! - value / 257)).toBeLessThanOrEqual(1);
    });
    const colour = await decode(png(1, 1, 16, 2, Buffer.of(0, 0x80, 0, 0xff, 0xff, 0, 0x40)));
    expect([...colour.data].map((v, c) => Math.abs(v - [128, 255, 0][c]!) <= 1)).toEqual([true, true, true]);
  });

  it("converts CMYK with the right polarity: inks stored inverted with Adobe's marker, inks stored plainly", async () => {
    // Written by Pillow: the left half cyan 0, magenta and yellow full; the right half 80 % black
    const adobe = Buffer.from(
      '/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwANCQoLCggNCwoLDg4NDxMgFRMSEhMnHB4XIC4pMTAuKS0sMzpKPjM2RjcsLUBXQUZMTlJTUjI+WmFaUGBKUVJP/8AAFAgACAAQBEMRAE0RAFkR' +
        'AEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYn' +
        'KCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq' +
        '8fLz9PX29/j5+v/aAA4EQwBNAFkASwAAPwD06vMK8wr06ivp2vp2vAq//9k=',
      'base64',
    );
    expect((await sharp(adobe).metadata()).space).toBe('cmyk');
    const { data } = await decode(adobe);
    [255, 0, 0].forEach((value, c) => expect(Math.abs(data[c]! - value)).toBeLessThan(6));
    [51, 51, 51].forEach((value, c) => expect(Math.abs(data[15 * 3 + c]! - value)).toBeLessThan(6));
    const tiff = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#fff' } })
      .toColourspace('cmyk')
      .tiff({ compression: 'none' })
      .toBuffer();
    expect((await sharp(tiff).metadata()).space).toBe('cmyk');
    expect(Math.min(...(await decode(tiff)).data)).toBeGreaterThan(240);
  });

  it('turns by EXIF where the turned size is declared, keeps the stored pixels where that one is', async () => {
    for (const orientation of [6, 8, 5]) {
      const bytes = await picture().withMetadata({ orientation }).png().toBuffer();
      expect((await sharp(bytes).metadata()).orientation).toBe(orientation);
      expect(await decode(bytes, { width, height })).toEqual({ data: Buffer.from(rgb), width, height });
      const turned = await decode(bytes, { width: height, height: width });
      expect(turned).toEqual(await decode(bytes)); // nothing declared: upright
      expect([turned.width, turned.height]).toEqual([height, width]);
      // 6: a quarter turn clockwise, so that the first stored pixel is at the top right; 8: at the bottom left; 5:
      // mirrored on the diagonal
      const place = orientation === 6 ? height - 1 : orientation === 8 ? (width - 1) * height : 0;
      expect([...turned.data.subarray(place * 3, place * 3 + 3)]).toEqual([...rgb.subarray(0, 3)]);
      await expect(decode(bytes, { width: 20, height: 20 })).rejects.toThrow(
        /20x20.*24x16 as stored and 16x24 turned by EXIF/,
      );
    }
    const half = await picture().withMetadata({ orientation: 3 }).png().toBuffer();
    expect([...(await decode(half, { width, height })).data.subarray(-3)]).toEqual([...rgb.subarray(0, 3)]);
  });

  it('refuses a declared size that does not fit', async () => {
    await expect(decode(await picture().png().toBuffer(), { width, height: height + 1 })).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
      message: expect.stringMatching(/a\.img.*24x17.*24x16/) as string,
    });
  });

  it('refuses what is truncated, wherever it is cut', async () => {
    const noise = sharp(
      Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => Math.imul(i, 2654435761) >>> 24),
      { raw: { width: 64, height: 64, channels: 3 } },
    );
    const files = {
      jpeg: await noise.clone().jpeg().toBuffer(),
      progressive: await noise.clone().jpeg({ progressive: true }).toBuffer(),
      png: await noise.clone().png().toBuffer(),
      interlaced: await noise.clone().png({ progressive: true }).toBuffer(),
      webp: await noise.clone().webp().toBuffer(),
      gif: await noise.clone().gif().toBuffer(),
      tiff: await noise.clone().tiff().toBuffer(),
    };
    for (const [format, bytes] of Object.entries(files)) {
      await decode(bytes);
      for (const length of [
        4,
        30,
        bytes.length >> 1,
        Math.floor(bytes.length * 0.9),
        bytes.length - 9,
        bytes.length - 2,
      ]) {
        await expect(
          decode(bytes.subarray(0, length)),
          `${format} cut to ${length} of ${bytes.length}`,
        ).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
      }
    }
  });

  it('refuses what is empty, no image, or a document that could be rendered', async () => {
    await expect(decode(Buffer.alloc(0))).rejects.toThrow(/a\.img.*empty/);
    await expect(decode(Buffer.from('hello'))).rejects.toThrow(/no JPEG, PNG/);
    await expect(decode(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'))).rejects.toThrow(
      /no JPEG, PNG/,
    );
    await expect(decode(Buffer.from('%PDF-1.4'))).rejects.toThrow(/no JPEG, PNG/);
  });

  it('refuses a header that promises too many pixels before decoding', async () => {
    const start = performance.now();
    const before = process.memoryUsage().rss;
    await expect(decode(png(60000, 60000, 8, 2, Buffer.alloc(100)), null, 200e6)).rejects.toThrow(
      /60000x60000.*limit of 200000000/,
    );
    await expect(decode(png(width, height, 8, 2, Buffer.alloc(0)), null, width * height - 1)).rejects.toThrow(
      /limit of 383/,
    );
    expect(performance.now() - start).toBeLessThan(2000);
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });
});

describe('readImageSize', () => {
  it('reads of a large JPEG no more than it needs, and of others all', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kd-size-'));
    let state = 1;
    const noise = new Uint8Array(600 * 400 * 3).map(
      () => (state = (Math.imul(state, 1664525) + 1013904223) | 0) >>> 24,
    );
    const large = sharp(noise, { raw: { width: 600, height: 400, channels: 3 } }).withMetadata({ orientation: 6 });
    const jpeg = await large.clone().jpeg({ quality: 95 }).toBuffer();
    // What stands before the size may be longer than what is read at first.
    const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0xff, 0xff]), Buffer.alloc(0xfffd)]);
    const files = {
      'a.jpg': jpeg,
      'cut.jpg': jpeg.subarray(0, 140_000),
      'long.jpg': Buffer.concat([jpeg.subarray(0, 2), comment, comment, comment, jpeg.subarray(2)]),
      'a.png': await large.clone().png().toBuffer(),
      'a.webp': await large.clone().webp({ quality: 100 }).toBuffer(),
    };
    for (const [name, bytes] of Object.entries(files)) {
      expect(bytes.length, name).toBeGreaterThan(1 << 17);
      await writeFile(join(folder, name), bytes);
      expect(await readImageSize(join(folder, name), 1e6), name).toEqual({ width: 400, height: 600, turned: true });
    }
    await expect(readImageSize(join(folder, 'a.jpg'), 1e5)).rejects.toThrow(/600x400, that is 240000 pixels/);
    await writeFile(join(folder, 'bad.jpg'), Buffer.concat([jpeg.subarray(0, 20), Buffer.alloc(200_000)]));
    await expect(readImageSize(join(folder, 'bad.jpg'), 1e6)).rejects.toThrow(/bad\.jpg.*header is damaged/);
    await rm(folder, { recursive: true });
  });
});

describe('readPixels', () => {
  it('refuses names and links that leave the folder, and says what is missing', async () => {
    const base = await mkdtemp(join(tmpdir(), 'kd-px-'));
    const folder = await mkdtemp(join(base, 'in-'));
    await writeFile(join(base, 'x.png'), await picture().png().toBuffer());
    await writeFile(join(folder, 'y.png'), await picture().png().toBuffer());
    await symlink(join(base, 'x.png'), join(folder, 'out.png'));
    await symlink(join(folder, 'y.png'), join(folder, 'in.png'));
    const read = (file: string) =>
      readPixels({ kind: 'files', folder, maxPixels: 1e6 }, { id: 1, file, width, height, annotations: [] });
    expect((await read('y.png')).width).toBe(width);
    expect((await read('in.png')).width).toBe(width);
    await expect(read('out.png')).rejects.toThrow(/leaves the folder/);
    await expect(read('../x.png')).rejects.toThrow(/leaves its folder/);
    await expect(read('none.png')).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
      message: expect.stringContaining('does not exist') as string,
    });
    await rm(base, { recursive: true });
  });
});
