import { open, readFile } from 'node:fs/promises';
import { checkRegularFile, KdError, messageOf } from '@kd/core/plain';
import sharp, { type Metadata, type SharpOptions } from 'sharp';
import { bmpHeader, type BmpHeader } from './bmp-header.js';
import { decodeBmp } from './bmp.js';
import { cmykToRgb } from './cmyk.js';
import { imageFormat, pngIsWhole } from './content.js';
import type { DecodeRule, HostImage } from './image.js';

/**
 * Reads and decodes an image file; see {@link decodeImage}.
 * @throws KdError IMAGE_INVALID
 */
export async function readImage(file: string, rule: DecodeRule): Promise<HostImage> {
  return decodeImage(await readBytes(file), file, rule);
}

/** Of the upright image; `turned` where EXIF says that it is stored otherwise. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
  readonly turned: boolean;
}

/**
 * The size of the upright image, from its header alone.
 * @throws KdError IMAGE_INVALID
 */
export async function readImageSize(file: string, maxPixels: number): Promise<ImageSize> {
  const start = await readBytes(file, JPEG_HEADER);
  const { autoOrient, orientation } = await header(start, file, maxPixels).catch(async (cause: unknown) => {
    if (start.length < JPEG_HEADER) throw cause;
    return header(await readBytes(file), file, maxPixels);
  });
  return { width: autoOrient.width, height: autoOrient.height, turned: (orientation ?? 1) > 1 };
}

/** Bytes that a JPEG has its size and its EXIF in; other formats may have the latter at their end. */
const JPEG_HEADER = 1 << 17;

/**
 * Decodes by content to upright 8-bit RGB. Grey is repeated, palettes are looked up, alpha is cut off (not blended), 16
 * bits
 * are scaled, CMYK is converted by ink; ICC profiles are ignored. That is Pillow's `convert('RGB')`, but for 16 bits,
 * which it clips.
 *
 * Orientation: turned by EXIF where the declared size is that of the turned image, else left as stored where it is that
 * of
 * the stored one. Where both have that size (a square, or half a turn), it is turned.
 * @param name told in errors
 * @throws KdError IMAGE_INVALID: truncated, empty, no image, too many pixels, another size than declared
 */
export async function decodeImage(bytes: Uint8Array, name: string, rule: DecodeRule): Promise<HostImage> {
  const meta = await header(bytes, name, rule.maxPixels);
  if (meta.format === 'png' && !pngIsWhole(bytes)) throw invalid(name, 'it is truncated (there is no end chunk)');
  const turned = mustTurn(meta, name, rule.declared);
  try {
    if (meta.bmp !== undefined) return { data: decodeBmp(bytes, meta.bmp), width: meta.width, height: meta.height };
    const cmyk = meta.space === 'cmyk';
    let pipeline = sharp(bytes, options(rule.maxPixels));
    if (turned) pipeline = pipeline.autoOrient();
    pipeline = cmyk
      ? pipeline.pipelineColourspace('cmyk').toColourspace('cmyk')
      : pipeline.removeAlpha().toColourspace('srgb');
    const { data, info } = await pipeline.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    if (info.channels < (cmyk ? 4 : 3)) throw new Error(`decoded to ${info.channels} channels`);
    return {
      data: cmyk ? cmykToRgb(data, info.channels) : data,
      width: info.width,
      height: info.height,
      ...(turned && info.width === meta.width && info.height === meta.height ? { turnUndecided: true } : {}),
    };
  } catch (cause) {
    throw invalid(name, `it is damaged or truncated (${firstLine(cause)})`, cause);
  }
}

/** @param start of a JPEG no more than that is read */
async function readBytes(file: string, start = Infinity): Promise<Buffer> {
  const read = async (): Promise<Buffer> => {
    if ((await checkRegularFile(file)) <= start) return readFile(file);
    const handle = await open(file);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(start), 0, start, 0);
      return imageFormat(buffer) === 'jpeg' ? buffer.subarray(0, bytesRead) : await readFile(file);
    } finally {
      await handle.close();
    }
  };
  return read().catch((cause: unknown) => {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw invalid(file, missing ? 'it does not exist' : messageOf(cause), cause);
  });
}

/** What is known of an image before it is decoded. */
type Header = Pick<Metadata, 'width' | 'height' | 'orientation' | 'autoOrient' | 'space'> & {
  readonly format: string;
  /** Of a BMP, which sharp does not read. */
  readonly bmp?: BmpHeader;
};

async function header(bytes: Uint8Array, name: string, maxPixels: number): Promise<Header> {
  if (bytes.length === 0) throw invalid(name, 'the file is empty');
  const format = imageFormat(bytes);
  if (format === null)
    throw invalid(name, 'it is no JPEG, PNG, WebP, GIF, TIFF, AVIF or BMP image; convert it to one of these');
  const meta = await (format === 'bmp'
    ? readBmpHeader(bytes)
    : sharp(bytes, { ...options(maxPixels), limitInputPixels: false }).metadata()
  ).catch((cause: unknown) => {
    throw invalid(name, `its header is damaged or truncated (${firstLine(cause)})`, cause);
  });
  const pixels = meta.width * meta.height;
  if (pixels > maxPixels) {
    throw invalid(
      name,
      `its header promises ${meta.width}x${meta.height}, that is ${pixels} pixels, more than the limit of ${maxPixels}; raise maxPixels if it is meant to be that large`,
    );
  }
  return meta;
}

async function readBmpHeader(bytes: Uint8Array): Promise<Header> {
  const bmp = bmpHeader(bytes);
  const size = { width: bmp.width, height: bmp.height };
  return { ...size, autoOrient: size, space: 'srgb', format: 'bmp', bmp };
}

/** 'error' lets pass what every decoder lets pass (stray bytes between markers) and refuses a missing end. */
const options = (maxPixels: number): SharpOptions => ({
  failOn: 'error',
  ignoreIcc: true,
  limitInputPixels: maxPixels,
  sequentialRead: true,
});

function mustTurn(meta: Header, name: string, declared: DecodeRule['declared']): boolean {
  const upright = meta.autoOrient;
  const oriented = (meta.orientation ?? 1) > 1;
  const fits = (size: { width: number; height: number }): boolean =>
    declared === null || (size.width === declared.width && size.height === declared.height);
  if (fits(upright)) return oriented;
  if (fits(meta)) return false;
  const has = `${meta.width}x${meta.height}${oriented ? ` as stored and ${upright.width}x${upright.height} turned by EXIF` : ''}`;
  throw invalid(
    name,
    `the annotations declare ${declared!.width}x${declared!.height}, but the image has ${has}; correct the annotations or restore the image`,
  );
}

const firstLine = (thrown: unknown): string => messageOf(thrown).split('\n')[0]!;

const invalid = (name: string, why: string, cause?: unknown): KdError =>
  new KdError('IMAGE_INVALID', `The image ${name} cannot be used: ${why}.`, { cause });
