import { fileURLToPath } from 'node:url';
import { escape } from '@kd/report';
import sharp from 'sharp';

/** The font that comes with this package; what it has not, such as Chinese, is taken from those of the machine. */
export const FONT = 'Noto Sans';

/** Height of the letters that are measured. */
const MEASURED = 100;

/** Widths by text, digits alike: those of the font are of one width, and of a label only the score changes. */
const widths = new Map<string, number>();

/** Width of a text in its font size, so that what is filled behind it fits. Call before any text is drawn. */
export async function textWidth(text: string): Promise<number> {
  // fontconfig, which finds the fonts for sharp, reads this before its first text: later it changes nothing.
  process.env['FONTCONFIG_FILE'] ??= fileURLToPath(new URL('../fonts/fonts.conf', import.meta.url));
  const key = escape(text.replace(/\d/g, '0'));
  const known = widths.get(key);
  if (known !== undefined) return known;
  const { width } = await sharp({ text: { text: key, font: `${FONT} ${MEASURED}`, dpi: 72 } }).metadata();
  widths.set(key, width / MEASURED);
  return width / MEASURED;
}
