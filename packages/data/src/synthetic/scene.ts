import { createRng, type Rng } from '@kd/core/plain';
import type { Box } from '../read/box-rule.js';
import { CLASSES, DISTRACTORS, type Look, type SyntheticClass } from './classes.js';
import { distanceFrom } from './shapes.js';

/** What the pictures of a set have in common. */
export interface SceneOptions {
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  readonly classes: readonly SyntheticClass[];
  /** Fewest and most objects that are tried to be placed. */
  readonly objects: readonly [number, number];
  /** Smallest and largest diameter in pixels. */
  readonly sizes: readonly [number, number];
  /** Least share of an object that must be seen; an object that does not reach it is not put there. */
  readonly minVisible: number;
  /** Standard deviation of the pixel noise, in 8-bit steps. */
  readonly noise: number;
}

export interface Thing extends Look {
  /** null: a distractor. */
  readonly label: number | null;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly angle: number;
  readonly seed: number;
  /** Of what can be seen. */
  readonly box: Box;
  /** Pixels that can be seen. */
  readonly area: number;
}

/** Where everything lies in one picture, nearest first. */
export function layScene(options: SceneOptions, picture: number): readonly Thing[] {
  const rng = createRng(options.seed, 'synthetic', picture);
  const taken = new Uint8Array(options.width * options.height); // [h, w]
  const things: Thing[] = [];
  const count = rng.int(...options.objects);
  for (let i = 0; i < count; i++) {
    const label = rng.uniform() < 0.2 ? null : rng.int(0, options.classes.length - 1);
    const look = label === null ? DISTRACTORS[rng.int(0, DISTRACTORS.length - 1)]! : CLASSES[options.classes[label]!];
    const thing = place(options, rng, taken, look, label);
    if (thing !== null) things.push(thing);
  }
  return things;
}

/** Where an object is tried to be put before it is left out. */
export const PLACES_TRIED = 8;

/** Puts an object behind those that are there already, where enough of it can be seen. */
function place(
  { width, height, sizes, minVisible }: SceneOptions,
  rng: Rng,
  taken: Uint8Array,
  look: Look,
  label: number | null,
): Thing | null {
  const [low, high] = [sizes[0], Math.min(sizes[1], 0.9 * Math.min(width, height))];
  const radius = Math.max(low, low * (high / low) ** rng.uniform()) / 2;
  const angle = rng.uniform() * 2 * Math.PI;
  const seed = rng.int(0, 0x7fffffff);
  for (let i = 0; i < PLACES_TRIED; i++) {
    const [x, y] = [rng.uniform() * width, rng.uniform() * height];
    const seen: number[] = [];
    let [whole, x1, y1, x2, y2] = [0, width, height, 0, 0];
    const { left, top, bottom, row } = around(look, x, y, radius, angle);
    for (let py = top; py <= bottom; py++) {
      const { distance } = row(py);
      for (let j = 0, px = left; j < distance.length; j++, px++) {
        if (distance[j]! > 0) continue;
        whole++;
        if (px < 0 || py < 0 || px >= width || py >= height || taken[py * width + px] === 1) continue;
        seen.push(py * width + px);
        x1 = Math.min(x1, px);
        y1 = Math.min(y1, py);
        x2 = Math.max(x2, px + 1);
        y2 = Math.max(y2, py + 1);
      }
    }
    if (seen.length === 0 || seen.length < minVisible * whole) continue;
    for (const pixel of seen) taken[pixel] = 1;
    return { ...look, label, x, y, radius, angle, seed, box: [x1, y1, x2, y2], area: seen.length };
  }
  return null;
}

/** Pixels of one row around a shape. */
interface Row {
  /** From its outline in pixels, negative inside. */
  readonly distance: Float64Array;
  /** Place in its frame. */
  readonly u: Float64Array;
  readonly v: Float64Array;
}

/** The pixels around a shape, outside of the picture as well. A row lasts until the next one is asked for. */
export function around({ shape }: Look, x: number, y: number, radius: number, angle: number) {
  const [left, top] = [Math.floor(x - radius - 1), Math.floor(y - radius - 1)];
  const width = Math.floor(x + radius + 1) - left + 1;
  const [distance, u, v] = [new Float64Array(width), new Float64Array(width), new Float64Array(width)];
  const [cos, sin] = [Math.cos(angle) / radius, Math.sin(angle) / radius];
  const row = (py: number): Row => {
    const dy = py + 0.5 - y;
    for (let i = 0; i < width; i++) {
      const dx = left + i + 0.5 - x;
      u[i] = dx * cos + dy * sin;
      v[i] = dy * cos - dx * sin;
      distance[i] = distanceFrom(shape, u[i]!, v[i]!) * radius;
    }
    return { distance, u, v };
  };
  return { left, top, bottom: Math.floor(y + radius + 1), row };
}
