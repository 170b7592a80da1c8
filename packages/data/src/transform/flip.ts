import type { HostImage } from '../decode/image.js';
import { withBoxes, type Sample } from './sample.js';

/** Mirrors image and boxes: `horizontal` swaps left and right, `vertical` top and bottom. */
export function flip({ image, boxes, labels }: Sample, direction: 'horizontal' | 'vertical'): Sample {
  const { width, height } = image;
  return direction === 'horizontal'
    ? withBoxes(
        flipHorizontal(image),
        boxes.map(([x1, y1, x2, y2]) => [width - x2, y1, width - x1, y2]),
        labels,
      )
    : withBoxes(
        flipVertical(image),
        boxes.map(([x1, y1, x2, y2]) => [x1, height - y2, x2, height - y1]),
        labels,
      );
}

function flipHorizontal({ data, width, height }: HostImage): HostImage {
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    let from = (y + 1) * width * 3 - 3;
    for (let to = y * width * 3; to < (y + 1) * width * 3; to += 3, from -= 3) {
      out[to] = data[from]!;
      out[to + 1] = data[from + 1]!;
      out[to + 2] = data[from + 2]!;
    }
  }
  return { data: out, width, height };
}

function flipVertical({ data, width, height }: HostImage): HostImage {
  const out = new Uint8Array(data.length);
  const row = width * 3;
  for (let y = 0; y < height; y++) out.set(data.subarray(y * row, (y + 1) * row), (height - 1 - y) * row);
  return { data: out, width, height };
}
