import { sizesOnDevice, type StepRng, type Targets } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { HelperTargets } from './helper-losses.js';

/** Objects of a batch and fakes beside them, as the helper is asked about them. */
export interface ConditionalInstances extends HelperTargets {
  /** [b, i] int32 */
  readonly labels: tf.Tensor2D;
  /** [b, i, 2] x and y of the queried place, and width and height, in parts of the image */
  readonly places: tf.Tensor3D;
  readonly sizes: tf.Tensor3D;
  /** Rows of the objects, which come first; row i is object i of the targets. */
  readonly objects: number;
}

export interface SampleOptions {
  readonly classes: number;
  /** Fakes for every object. */
  readonly fakes: number;
  /** Rows of an image, at most. */
  readonly slots: number;
  /** The queried place is off the object's centre by up to this share of its size. */
  readonly jitter: number;
}

/** Smaller objects are not asked for: their edges have no distances. In parts of the image. */
const LEAST_SIDE = 1e-4;

/** Sides of fakes in parts of the image: normal with this mean and deviation. */
const FAKE_SIDE = 0.2;

/** @param rng of the step: other places and fakes every step, the same after a resume */
export function sampleInstances(
  { boxes, labels, mask, imageSizes }: Pick<Targets, 'boxes' | 'labels' | 'mask' | 'imageSizes'>,
  rng: StepRng,
  { classes, fakes, slots, jitter }: SampleOptions,
): ConditionalInstances {
  const [b, g] = mask.shape;
  const objects = Math.min(g, slots);
  // One row at least: TensorFlow.js has no gradient of sums over none.
  const made = Math.max(objects === 0 ? 1 : 0, Math.min(fakes * objects, slots - objects));
  const stream = rng.stream('instances');
  const first = <T extends tf.Tensor>(x: T): T => tf.slice(x, [0, 0], [-1, objects]) as T;

  const image = tf.reverse(tf.expandDims(sizesOnDevice(imageSizes), 1), 2); // [b, 1, 2] width, height
  const corner = (at: 0 | 2): tf.Tensor => tf.div(tf.slice(first(boxes), [0, 0, at], [-1, -1, 2]), image); // [b, o, 2]
  const [low, high] = [corner(0), corner(2)];
  const own = tf.sub(high, low);
  const shift = tf.mul(tf.sub(tf.mul(stream.uniform([b, objects, 2]), 2), 1), jitter);
  const place = tf.add(tf.mul(tf.add(low, high), 0.5), tf.mul(own, shift));
  const large = tf.cast(tf.all(tf.greater(own, LEAST_SIDE), 2), 'float32'); // [b, o]
  const real = tf.mul(first(mask), large); // [b, o]

  const sides = tf.clipByValue(tf.add(FAKE_SIDE, tf.mul(FAKE_SIDE, stream.normal([b, made, 2]))), 0.01, 1);
  const places = stream.uniform([b, made, 2]);
  const fakeLabels = tf.cast(tf.floor(tf.mul(stream.uniform([b, made]), classes)), 'int32');
  // As many fakes as the image has objects, times their number.
  const counted =
    objects === 0 ? tf.zeros([b, made]) : tf.slice(tf.tile(real, [1, Math.max(1, fakes)]), [0, 0], [-1, made]);
  return {
    labels: tf.concat([tf.cast(first(labels), 'int32'), fakeLabels], 1) as tf.Tensor2D,
    places: tf.concat([place, places], 1) as tf.Tensor3D,
    sizes: tf.concat([own, sides], 1) as tf.Tensor3D,
    real: tf.concat([real, tf.zeros([b, made])], 1) as tf.Tensor2D,
    unused: tf.sub(1, tf.concat([real, counted], 1)),
    ltrb: tf.concat(
      [tf.concat([tf.sub(place, low), tf.sub(high, place)], 2), tf.zeros([b, made, 4])],
      1,
    ) as tf.Tensor3D,
    objects,
  };
}
