import sharp from 'sharp';
import { expect, test } from 'vitest';
import { drawBoxes, overlay } from './drawing.js';

test('class names are escaped, and labels stay inside of the image', () => {
  const svg = overlay(100, 60, [{ box: [90, 0, 100, 10], label: 0, text: '<b>&"x"\u0007' }]);
  expect(svg).toContain('&lt;b&gt;&amp;&quot;x&quot;\u00b7');
  const [, frame, label] = [...svg.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"/g)].reduce<
    (number[] | null)[]
  >((all, [, x, y, width]) => [...all, [Number(x), Number(y), Number(width)]], [null]);
  expect(frame).toEqual([90, 0, 10]);
  expect(label![0]! + label![2]!).toBeLessThanOrEqual(100.001);
  expect(label![1]).toBeGreaterThanOrEqual(0);
});

test('a frame is drawn where the box is, and nothing elsewhere', async () => {
  const image = { data: new Uint8Array(80 * 60 * 3).fill(128), width: 80, height: 60 };
  const { data } = await sharp(await drawBoxes(image, [{ box: [20, 30, 60, 50], label: 1, text: 'a' }]))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number): number[] => [...data.subarray((y * 80 + x) * 3, (y * 80 + x) * 3 + 3)];
  expect(at(40, 30)).not.toEqual([128, 128, 128]);
  expect(at(40, 40)).toEqual([128, 128, 128]);
  expect(at(5, 55)).toEqual([128, 128, 128]);
});
