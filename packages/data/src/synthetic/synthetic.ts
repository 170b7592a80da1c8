import { checkMembers, KdError, parseOptions, suggestion, type ImageRecord } from '@kd/core/plain';
import * as v from 'valibot';
import { createDataset, type DataSource, type ReadDataset } from '../dataset.js';
import { CLASS_NAMES, type SyntheticClass } from './classes.js';
import { SOURCE_OPTIONS } from '../source-options.js';
import { layScene, PLACES_TRIED, type SceneOptions } from './scene.js';

const schema = v.strictObject(SOURCE_OPTIONS.synthetic);

/** Far from what anybody trains with; beyond it a typing error would take all memory, or for ever. */
const MAX = { images: 1_000_000, side: 4096, objects: 10_000 } as const;

/** Pixels that placing all objects may look at: some seconds, 100,000 pictures of the usual kind. */
const MAX_LOOKS = 2.5e10;

export interface SyntheticOptions {
  /** Number of pictures. */
  readonly images: number;
  /** Side of the square pictures, or [height, width]; default 128. */
  readonly size?: number | readonly [number, number];
  /** Give training and validation different ones; default 0. */
  readonly seed?: number;
  /** Some of {@link CLASS_NAMES}, in the order of the labels; default all. */
  readonly classes?: readonly string[];
  /** Fewest and most things in a picture, distractors included; default 2 to 8. */
  readonly objects?: readonly [number, number];
  /** Smallest and largest diameter in pixels; default 10 to 60. */
  readonly sizes?: readonly [number, number];
  /** Least share of an object that can be seen; default 0.5. */
  readonly minVisible?: number;
  /** Noise in 8-bit steps (standard deviation); default 8. */
  readonly noise?: number;
  readonly name?: string;
}

/**
 * Pictures that are drawn when they are wanted: textured shapes that hide each other on textured ground, and plain
 * shapes that
 * are no objects. Boxes and areas are those of the visible part. No files.
 */
export function synthetic(options: SyntheticOptions): DataSource {
  checkMembers(options, {}, 'the options of synthetic', 'USAGE');
  const name = options.name ?? 'synthetic';
  return { name, spec: { format: 'synthetic', name, ...DEFAULTS, ...options }, open: async () => open(name, options) };
}

const DEFAULTS = {
  size: 128,
  seed: 0,
  classes: CLASS_NAMES as readonly string[],
  objects: [2, 8],
  sizes: [10, 60],
  minVisible: 0.5,
  noise: 8,
} satisfies Partial<SyntheticOptions>;

function open(name: string, options: SyntheticOptions): ReadDataset {
  const scene = sceneOptions(parseOptions(schema, options, 'synthetic') as SyntheticOptions);
  let id = 0;
  const images = Array.from(
    { length: options.images },
    (_, i): ImageRecord => ({
      id: i + 1,
      file: `synthetic-${scene.seed}-${String(i + 1).padStart(6, '0')}`,
      width: scene.width,
      height: scene.height,
      annotations: layScene(scene, i + 1).flatMap(({ label, box, area }) =>
        label === null ? [] : [{ id: ++id, box, label, area, ignore: false }],
      ),
    }),
  );
  const categories = scene.classes.map((className, label) => ({ id: label + 1, name: className }));
  return createDataset({ name, categories, images, report: [], pixels: { kind: 'synthetic', scene } });
}

function sceneOptions(options: SyntheticOptions): SceneOptions {
  const { images, size, seed, classes, objects, sizes, minVisible, noise } = { ...DEFAULTS, ...options };
  const [height, width] = typeof size === 'number' ? [size, size] : size;
  const wanted = (holds: boolean, what: string): void => {
    if (!holds) throw new KdError('CONFIG_INVALID', `synthetic: ${what}.`);
  };
  const wholeIn = (low: number, high: number, value: number): boolean =>
    Number.isInteger(value) && value >= low && value <= high;
  wanted(wholeIn(1, MAX.images, images), `"images" must be a whole number from 1 to ${MAX.images}, not ${images}`);
  wanted(
    [width, height].every((side) => wholeIn(16, MAX.side, side)),
    `"size" must be 16 to ${MAX.side} pixels, not ${String(size)}`,
  );
  wanted(Number.isSafeInteger(seed), `"seed" must be a whole number, not ${seed}`);
  wanted(
    objects.every((n) => wholeIn(0, MAX.objects, n)) && objects[0] <= objects[1],
    `"objects" must be [fewest, most], at most ${MAX.objects}, not [${objects.join(', ')}]`,
  );
  const largest = Math.min(width, height);
  wanted(
    sizes[0] >= 4 && sizes[0] <= sizes[1] && sizes[0] <= largest,
    `"sizes" must be [smallest, largest] from 4 pixels on, the smallest no larger than the pictures of ${width}x${height}, not [${sizes.join(', ')}]`,
  );
  const looks = images * objects[1] * PLACES_TRIED * Math.min(sizes[1], 0.9 * largest) ** 2;
  wanted(
    looks <= MAX_LOOKS,
    `${images} pictures with up to ${objects[1]} things of up to ${sizes[1]} pixels would take minutes to lay out, at every start; at most ${Math.max(1, Math.floor((images * MAX_LOOKS) / looks))} such pictures, or fewer and smaller things`,
  );
  wanted(minVisible > 0 && minVisible <= 1, `"minVisible" must be above 0 and at most 1, not ${minVisible}`);
  wanted(noise >= 0 && Number.isFinite(noise), `"noise" must be at least 0, not ${noise}`);
  wanted(
    classes.length > 0 && new Set(classes).size === classes.length,
    '"classes" must list at least one class and each only once',
  );
  for (const name of classes) {
    const hint = suggestion(name, CLASS_NAMES);
    wanted(
      (CLASS_NAMES as readonly string[]).includes(name),
      `there is no class "${name}"${hint === '' ? '' : ` (${hint})`}; the classes are ${CLASS_NAMES.join(', ')}`,
    );
  }
  return { width, height, seed, classes: classes as readonly SyntheticClass[], objects, sizes, minVisible, noise };
}
