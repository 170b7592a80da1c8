import type { HostImage } from '@kd/data';
import { escape } from '@kd/report';
import sharp from 'sharp';
import { FONT, textWidth } from './label-font.js';

export interface DrawnBox {
  /** x1 y1 x2 y2 in pixels */
  readonly box: readonly [number, number, number, number];
  readonly label: number;
  readonly text: string;
}

/** The image with its boxes as PNG: a frame and a filled label each, one colour a class. */
export async function drawBoxes({ data, width, height }: HostImage, boxes: readonly DrawnBox[]): Promise<Buffer> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .composite([{ input: Buffer.from(await overlay(width, height, boxes)) }])
    .png()
    .toBuffer();
}

/** The boxes as SVG of the size of the image. */
export async function overlay(width: number, height: number, boxes: readonly DrawnBox[]): Promise<string> {
  const size = Math.max(9, Math.round(Math.min(width, height) / 32));
  const line = Math.max(1, size / 7);
  const shapes = await Promise.all(
    // The weakest first, so that the labels of the strongest lie on top.
    [...boxes].reverse().map(async (one) => shape(one, await textWidth(one.text), { width, height, size, line })),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="${FONT}, sans-serif" font-size="${size}">${shapes.join('')}</svg>`;
}

function shape(
  { box: [x1, y1, x2, y2], label, text }: DrawnBox,
  textWidth: number,
  { width, height, size, line }: { width: number; height: number; size: number; line: number },
): string {
  const colour = `hsl(${(label * 137.5 + 10) % 360}, 85%, 40%)`;
  const [labelWidth, labelHeight] = [(textWidth + 0.6) * size, size * 1.35];
  const x = Math.max(0, Math.min(x1, width - labelWidth));
  const y = Math.min(y1 >= labelHeight ? y1 - labelHeight : y1, height - labelHeight);
  return [
    `<rect x="${x1}" y="${y1}" width="${x2 - x1}" height="${y2 - y1}" fill="none" stroke="${colour}" stroke-width="${line}"/>`,
    `<rect x="${x}" y="${y}" width="${labelWidth}" height="${labelHeight}" fill="${colour}"/>`,
    `<text x="${x + size * 0.3}" y="${y + size}" fill="white">${escape(text)}</text>`,
  ].join('');
}
