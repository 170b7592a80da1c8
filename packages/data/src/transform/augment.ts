import { KdError, parseOptions, suggestion, type AugmentSpec, type Rng } from '@kd/core/plain';
import * as v from 'valibot';
import { flip } from './flip.js';
import { iouCrop } from './iou-crop.js';
import { photometric } from './photometric.js';
import type { Sample } from './sample.js';

const probability = v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0.5);
const factor = v.pipe(v.number(), v.minValue(0), v.maxValue(1000));
const turns = v.pipe(v.number(), v.minValue(-1), v.maxValue(1));
const factors = (low: number, high: number) => v.optional(v.tuple([factor, factor]), [low, high]);
const share = (value: number) => v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1)), value);
const ratio = (value: number) => v.optional(v.pipe(v.number(), v.gtValue(0)), value);

const flipSchema = v.strictObject({
  probability,
  direction: v.optional(v.picklist(['horizontal', 'vertical']), 'horizontal'),
});
const photometricSchema = v.strictObject({
  probability,
  brightness: factors(0.875, 1.125),
  contrast: factors(0.5, 1.5),
  saturation: factors(0.5, 1.5),
  hue: v.optional(v.tuple([turns, turns]), [-0.05, 0.05]),
});
const iouCropSchema = v.strictObject({
  minScale: share(0.3),
  maxScale: share(1),
  minAspect: ratio(0.5),
  maxAspect: ratio(2),
  minIous: v.optional(
    v.pipe(v.array(v.pipe(v.number(), v.minValue(0))), v.minLength(1)),
    [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1],
  ),
  trials: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000)), 40),
});

/** Changes a sample; draws from its own stream of random numbers only. */
export type Augmentation = (sample: Sample, rng: Rng) => Sample;

/** A schema of options, and the function that they make. */
interface Entry<Schema extends v.GenericSchema> {
  readonly schema: Schema;
  readonly make: (options: v.InferOutput<Schema>) => Augmentation;
}
const entry = <Schema extends v.GenericSchema>(schema: Schema, make: Entry<Schema>['make']): Known => ({
  resolve: (options, what) => parseOptions(schema, options, what) as Record<string, unknown>,
  make: (options) => make(options as v.InferOutput<Schema>),
});
interface Known {
  readonly resolve: (options: unknown, what: string) => Record<string, unknown>;
  readonly make: (options: Record<string, unknown>) => Augmentation;
}

const AUGMENTATIONS: Readonly<Record<string, Known>> = {
  flip: entry(flipSchema, (options) => (sample, rng) => {
    const flipped = rng.uniform() < options.probability;
    return { ...(flipped ? flip(sample, options.direction) : sample), flipped };
  }),
  photometric: entry(photometricSchema, (options) => (sample, rng) => ({
    ...sample,
    image: photometric(sample.image, options, rng),
  })),
  'iou-crop': entry(iouCropSchema, (options) => (sample, rng) => iouCrop(sample, options, rng)),
};

/** Names that an {@link AugmentSpec} may have. */
export const augmentationNames: readonly string[] = Object.keys(AUGMENTATIONS);

/**
 * Augmentations with every option filled in.
 * @throws KdError CONFIG_INVALID for an unknown name or option
 */
export const resolveAugmentations = (specs: readonly AugmentSpec[]): AugmentSpec[] =>
  specs.map(({ name, ...options }, i) => {
    const known = Object.hasOwn(AUGMENTATIONS, name) ? AUGMENTATIONS[name] : undefined;
    if (known === undefined) {
      const hint = suggestion(String(name), augmentationNames);
      throw new KdError(
        'CONFIG_INVALID',
        `augment[${i}]: there is no augmentation "${String(name)}"${hint === '' ? '' : `, ${hint}`} There are: ${augmentationNames.join(', ')}.`,
      );
    }
    return { name, ...known.resolve(options, `augment[${i}] (${name})`) };
  });

/**
 * One function from a list of augmentations, applied in that order.
 * @throws KdError CONFIG_INVALID for an unknown name or option
 */
export function createAugmentation(specs: readonly AugmentSpec[]): Augmentation {
  const steps = resolveAugmentations(specs).map(({ name, ...options }) => AUGMENTATIONS[name]!.make(options));
  return (sample, rng) => steps.reduce((changed, step, i) => step(changed, rng.stream('augment', i)), sample);
}
