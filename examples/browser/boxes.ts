import type { ImageDetections, ImageRecord } from '@kd/core';
import { pictures } from './settings.js';

/** Pictures of the validation data that are shown, and how large a pixel of theirs is. */
const SHOWN = 6;
const SCALE = 3;
const THRESHOLD = 0.3;

type Box = readonly [number, number, number, number];

interface Shown {
  readonly record: ImageRecord;
  readonly pixels: ImageData;
  readonly context: CanvasRenderingContext2D;
}

/** Pictures with what is there, and what the student finds. */
export class Boxes {
  readonly #shown: Shown[] = [];

  async open(place: Element): Promise<void> {
    const data = await pictures.val.open({ folder: '.' });
    for (const record of data.images.slice(0, SHOWN)) {
      const { data: rgb, width, height } = await data.readImage(record);
      const pixels = new ImageData(width, height);
      for (let i = 0; i < width * height; i++)
        pixels.data.set([rgb[3 * i]!, rgb[3 * i + 1]!, rgb[3 * i + 2]!, 255], 4 * i);
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [width * SCALE, height * SCALE];
      place.append(canvas);
      this.#shown.push({ record, pixels, context: canvas.getContext('2d')! });
    }
    await this.draw([], []);
  }

  async draw(found: readonly ImageDetections[], classes: readonly string[]): Promise<void> {
    for (const { record, pixels, context } of this.#shown) {
      context.imageSmoothingEnabled = false;
      context.drawImage(await createImageBitmap(pixels), 0, 0, context.canvas.width, context.canvas.height);
      for (const { box } of record.annotations) outline(context, box, 'there');
      const seen = found.find(({ id }) => id === record.id);
      const own = [...(seen?.scores ?? [])]
        .filter((score) => score >= THRESHOLD)
        .map((score, i) => ({
          score,
          name: classes[seen!.labels[i]!]!,
          box: [...seen!.boxes.subarray(4 * i, 4 * i + 4)] as unknown as Box,
        }));
      for (const { box, score, name } of own) {
        outline(context, box, 'found');
        word(context, box, `${name.replace(/^\w+-/, '')} ${Math.round(score * 100)}`);
      }
      const names = own.map(({ name }) => name).join(', ');
      context.canvas.setAttribute('role', 'img');
      context.canvas.setAttribute('aria-label', names === '' ? 'nothing found' : `found: ${names}`);
    }
  }
}

const colourOf = (kind: 'there' | 'found'): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${kind}`);

function outline(context: CanvasRenderingContext2D, box: Box, kind: 'there' | 'found'): void {
  const [x1, y1, x2, y2] = box.map((side) => side * SCALE) as [number, number, number, number];
  const line = (colour: string, dash: number[]): void => {
    context.strokeStyle = colour;
    context.setLineDash(dash);
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
  };
  context.lineWidth = 3;
  // Seen on any ground.
  if (kind === 'there') line('#0008', []);
  line(colourOf(kind), kind === 'there' ? [7, 7] : []);
}

function word(context: CanvasRenderingContext2D, [left, top]: Box, text: string): void {
  context.font = '600 20px system-ui, sans-serif';
  const width = context.measureText(text).width + 8;
  const x = Math.min(Math.max(0, left * SCALE), context.canvas.width - width);
  const y = Math.max(0, top * SCALE - 26);
  context.fillStyle = colourOf('found');
  context.fillRect(x, y, width, 26);
  context.fillStyle = '#fff';
  context.fillText(text, x + 4, y + 20);
}
