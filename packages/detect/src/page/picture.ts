import type { Detection } from '../detector.js';
import { made } from './element.js';

/** Colours that can be told from each other, also on the photograph below them; one a class. */
const COLOURS = ['#ff4d4d', '#35c46a', '#4d9bff', '#ffb020', '#c77dff', '#20c5c5', '#ff7ac6', '#b5d33d'];
const colourOf = (label: number): string => COLOURS[label % COLOURS.length]!;

const LISTED = 100;
/** Small pictures are shown larger, so that their labels can be read: the long side in pixels of the canvas. */
const LEAST_SIDE = 640;

/** What is shown of one image, or of a camera: the picture with its boxes, and the same as a list. */
export interface Shown {
  readonly article: HTMLElement;
  /** Draws the boxes of a picture, and what was found from a score on. Returns a sentence about it. */
  draw(source: CanvasImageSource, size: readonly [number, number], found: readonly Detection[], note: string): string;
}

export function shown(name: string): Shown {
  const canvas = made('canvas');
  canvas.setAttribute('role', 'img');
  const note = made('p');
  const list = made('ol');
  list.setAttribute('aria-label', `What was found in ${name}`);
  list.tabIndex = 0; // it may scroll
  const article = made('article', '', made('header', '', made('h2', name), note), canvas, list);
  return {
    article,
    draw(source, [width, height], found, times) {
      const objects = `${found.length} ${found.length === 1 ? 'object' : 'objects'}`;
      const zoom = Math.max(1, LEAST_SIDE / Math.max(width, height));
      [canvas.width, canvas.height] = [Math.round(width * zoom), Math.round(height * zoom)];
      const context = canvas.getContext('2d')!;
      context.drawImage(source, 0, 0, canvas.width, canvas.height);
      for (const one of [...found].reverse()) drawBox(context, one, zoom);
      canvas.setAttribute('aria-label', `${name}: ${objects}. ${countsOf(found)}`);
      note.textContent = `${objects} · ${times}`;
      list.replaceChildren(...found.slice(0, LISTED).map(itemOf));
      if (found.length > LISTED) list.append(made('li', `… and ${found.length - LISTED} more with lower scores`));
      return `${name}: ${objects}. ${countsOf(found)}`;
    },
  };
}

function itemOf({ box, score, label, class: name }: Detection): HTMLElement {
  const mark = made('i');
  mark.style.background = colourOf(label);
  const [x1, y1, x2, y2] = box.map(Math.round) as [number, number, number, number];
  const item = made('li');
  item.append(mark, `${name} ${score.toFixed(2)}, ${x2 - x1} × ${y2 - y1} px at ${x1}, ${y1}`);
  Object.assign(item.dataset, { label, score, box: box.join(' ') });
  return item;
}

/** `3 RBC, 1 WBC` */
function countsOf(found: readonly Detection[]): string {
  const counts = new Map<string, number>();
  for (const one of found) counts.set(one.class, (counts.get(one.class) ?? 0) + 1);
  return Array.from(counts, ([name, count]) => `${count} ${name}`).join(', ');
}

function drawBox(context: CanvasRenderingContext2D, { box, score, label, class: name }: Detection, zoom: number): void {
  // A pixel of the screen: labels can be read on a telephone too.
  const unit = context.canvas.width / (context.canvas.clientWidth || context.canvas.width);
  const [x1, y1, x2, y2] = box.map((side) => side * zoom) as [number, number, number, number];
  context.lineWidth = 4 * unit;
  context.strokeStyle = '#0008';
  context.strokeRect(x1, y1, x2 - x1, y2 - y1);
  context.lineWidth = 2 * unit;
  context.strokeStyle = colourOf(label);
  context.strokeRect(x1, y1, x2 - x1, y2 - y1);
  const text = `${name} ${score.toFixed(2)}`;
  context.font = `600 ${12 * unit}px system-ui, "DejaVu Sans", sans-serif`;
  const width = context.measureText(text).width + 6 * unit;
  const left = Math.max(0, Math.min(x1, context.canvas.width - width));
  const top = Math.max(0, y1 - 16 * unit);
  context.fillStyle = colourOf(label);
  context.fillRect(left, top, width, 16 * unit);
  context.fillStyle = '#000';
  context.fillText(text, left + 3 * unit, top + 12 * unit);
}
