import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { drawBoxes, overlay } from './drawing.js';
import { textWidth } from './label-font.js';

test('class names are escaped, and labels stay inside of the image', async () => {
  const svg = await overlay(100, 60, [{ box: [90, 0, 100, 10], label: 0, text: '<b>&"x"\u0007' }]);
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

test('the width of a label is that of its text, whatever the digits', async () => {
  // Advances of Noto Sans: 0.258 an i, 0.930 an m; the ink of a text is a little narrower.
  expect(await textWidth('iiiiiiiiii')).toBeCloseTo(2.5, 1);
  expect(await textWidth('mmmmmmmmmm')).toBeCloseTo(9.2, 1);
  expect(await textWidth('cell 0.11')).toBe(await textWidth('cell 0.98'));
  expect(await textWidth('<&')).toBeLessThan(2);
});

test('labels are drawn with the font of the package, whichever the machine has', async () => {
  const texts = ['Thrombozyt', 'Жö', 'iii'];
  const here = (await Promise.all(texts.map(textWidth))).map((width) => width.toFixed(1)).join(' ');
  const folder = mkdtempSync(join(tmpdir(), 'kd-fonts-'));
  const measure = `
    import { textWidth } from '${new URL('../dist/label-font.js', import.meta.url).href}';
    const widths = await Promise.all(${JSON.stringify(texts)}.map(textWidth));
    process.stdout.write(widths.map((width) => width.toFixed(1)).join(' '));`;
  const measured = (env: NodeJS.ProcessEnv): string =>
    execFileSync(process.execPath, ['--input-type=module', '--eval', measure], { env, encoding: 'utf8' });
  const withFonts = (dir: string): string => {
    const file = join(folder, 'fonts.conf');
    writeFileSync(file, `<fontconfig>${dir}</fontconfig>`);
    return measured({ ...process.env, FONTCONFIG_FILE: file });
  };
  expect(here).toBe(withFonts(`<dir>${fileURLToPath(new URL('../fonts', import.meta.url))}</dir>`));
  expect(here).not.toBe(withFonts(''));
  rmSync(folder, { recursive: true });
});
