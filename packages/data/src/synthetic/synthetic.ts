import { KdError, suggestion, type ImageRecord } from '@kd/core';
import { createDataset, type DataSource, type ReadDataset } from '../dataset.js';
import { CLASS_NAMES, type SyntheticClass } from './classes.js';
import { layScene, type SceneOptions } from './scene.js';

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
  const name = options.name ?? 'synthetic';
  return { name, spec: { format: 'synthetic', ...options }, open: async () => open(name, options) };
}

function open(name: string, options: SyntheticOptions): ReadDataset {
  const scene = sceneOptions(options);
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

function sceneOptions({
  images,
  size = 128,
  seed = 0,
  classes = CLASS_NAMES,
  objects = [2, 8],
  sizes = [10, 60],
  minVisible = 0.5,
  noise = 8,
}: SyntheticOptions): SceneOptions {
  const [height, width] = typeof size === 'number' ? [size, size] : size;
  const wanted = (holds: boolean, what: string): void => {
    if (!holds) throw new KdError('CONFIG_INVALID', `synthetic: ${what}.`);
  };
  wanted(Number.isInteger(images) && images >= 1, `"images" must be a whole number of at least 1, not ${images}`);
  wanted(
    [width, height].every((side) => Number.isInteger(side) && side >= 16),
    `"size" must be at least 16 pixels, not ${String(size)}`,
  );
  wanted(Number.isSafeInteger(seed), `"seed" must be a whole number, not ${seed}`);
  wanted(
    objects.every((n) => Number.isInteger(n) && n >= 0) && objects[0] <= objects[1],
    `"objects" must be [fewest, most], not [${objects.join(', ')}]`,
  );
  wanted(
    sizes[0] >= 4 && sizes[0] <= sizes[1],
    `"sizes" must be [smallest, largest] from 4 pixels on, not [${sizes.join(', ')}]`,
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
