import type { HostImage } from '@kd/data';
import type { Picture } from '@kd/report/page';
import sharp from 'sharp';

type View = Picture['view'];

/** A part of an image as JPEG in a data URL, its longer side at most so many pixels. */
export async function jpeg(
  { data, width, height }: HostImage,
  [left, top, w, h]: View,
  longest: number,
): Promise<Picture> {
  const scale = Math.min(1, longest / Math.max(w, h));
  const bytes = await sharp(data, { raw: { width, height, channels: 3 } })
    .extract({ left, top, width: w, height: h })
    .resize(Math.max(1, Math.round(w * scale)), Math.max(1, Math.round(h * scale)), { fit: 'fill' })
    .jpeg({ quality: 76, mozjpeg: true })
    .toBuffer();
  return { uri: `data:image/jpeg;base64,${bytes.toString('base64')}`, view: [left, top, w, h] };
}

export const whole = ({ width, height }: HostImage): View => [0, 0, width, height];

/** Of the longer side of the box, on each side. */
const AROUND = 0.6;
/** Of the longer side of the image, at least: a thing is known by what is around it. */
const LEAST = 0.22;

/** A square around a box, as far as the image goes. */
export function around(
  [x1, y1, x2, y2]: readonly [number, number, number, number],
  { width, height }: HostImage,
): View {
  const side = Math.max((1 + 2 * AROUND) * Math.max(x2 - x1, y2 - y1), LEAST * Math.max(width, height));
  const [w, h] = [Math.max(1, Math.min(width, Math.round(side))), Math.max(1, Math.min(height, Math.round(side)))];
  const place = (middle: number, part: number, all: number): number =>
    Math.max(0, Math.min(all - part, Math.round(middle - part / 2)));
  return [place((x1 + x2) / 2, w, width), place((y1 + y2) / 2, h, height), w, h];
}
