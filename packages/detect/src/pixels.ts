import { DetectError } from './detect-error.js';

/** Decoded pixels, row by row from the upper left corner: red, green, blue and, with four channels, alpha. */
export interface Pixels {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  /** Default: what the length of `data` says. */
  readonly channels?: 3 | 4;
}

/** A type of the browser by its name, where the program that imports this knows it. */
type Browser<Name extends string> =
  typeof globalThis extends Readonly<Record<Name, { readonly prototype: infer T }>> ? T : never;

/** What an image may be. Pictures of the browser are drawn at their own size, upright. */
export type Picture =
  | Pixels
  | Browser<'ImageData'>
  | Browser<'ImageBitmap'>
  | Browser<'HTMLCanvasElement'>
  | Browser<'OffscreenCanvas'>
  | Browser<'HTMLImageElement'>
  | Browser<'HTMLVideoElement'>
  | Browser<'VideoFrame'>;

/** Pixels whose number of channels is known. */
export type KnownPixels = Required<Pixels>;

/** @throws DetectError IMAGE_INVALID */
export function toPixels(picture: Picture): KnownPixels {
  if (typeof picture === 'object' && picture !== null)
    return 'data' in picture ? known(picture) : known(drawn(picture as CanvasImageSource));
  throw new DetectError('IMAGE_INVALID', `An image was expected, not ${picture === null ? 'null' : typeof picture}.`);
}

function known({ data, width, height, channels }: Pixels): KnownPixels {
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray))
    throw new DetectError('IMAGE_INVALID', 'Pixels are bytes from 0 to 255: give them as a Uint8Array.');
  const whole = [width, height].every((side) => Number.isInteger(side) && side > 0);
  const count = channels ?? data.length / (width * height);
  if (!whole || (count !== 3 && count !== 4) || data.length !== width * height * count)
    throw new DetectError(
      'IMAGE_INVALID',
      `${data.length} values are no image of ${width} x ${height} pixels: give 3 (RGB) or 4 (RGBA) a pixel.`,
    );
  return { data, width, height, channels: count };
}

/** One canvas for all pictures of one size: making one for each frame of a camera costs more than drawing. */
let kept: OffscreenCanvas | undefined;

function drawn(picture: CanvasImageSource): ImageData {
  const [width, height] = sizeOf(picture);
  if (!(width > 0 && height > 0))
    throw new DetectError('IMAGE_INVALID', 'The image has no size: wait until it is loaded, or the video plays.');
  if (typeof OffscreenCanvas === 'undefined')
    throw new DetectError(
      'IMAGE_INVALID',
      'There is no canvas here to read this image with: give its pixels, { data, width, height }.',
    );
  if (kept?.width !== width || kept.height !== height) kept = new OffscreenCanvas(width, height);
  const context = kept.getContext('2d', { willReadFrequently: true, alpha: true })!;
  context.globalCompositeOperation = 'copy'; // nothing of the picture before shines through
  try {
    context.drawImage(picture, 0, 0);
    return context.getImageData(0, 0, width, height);
  } catch (cause) {
    throw new DetectError(
      'IMAGE_INVALID',
      'The browser does not let this image be read: it is broken, or comes from another site without its leave (CORS).',
      { cause },
    );
  }
}

/** In pixels of the picture itself, however large it is shown. */
function sizeOf(picture: CanvasImageSource): readonly [number, number] {
  if ('naturalWidth' in picture) return [picture.naturalWidth, picture.naturalHeight];
  if ('videoWidth' in picture) return [picture.videoWidth, picture.videoHeight];
  if ('displayWidth' in picture) return [picture.displayWidth, picture.displayHeight];
  return [Number(picture.width), Number(picture.height)];
}
