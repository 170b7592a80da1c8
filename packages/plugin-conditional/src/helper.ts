import type { VariableMaker } from '@kd/core';
import { layerNorm } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { attention, type AttentionLayers, headsOf } from './attention.js';
import { createLinear, type Linear, linear } from './linear.js';
import type { ConditionalInstances } from './sample-instances.js';
import { sineCode } from './sine-position.js';

/** Bins of the logarithm of a side. */
const BINS = 5;
const EPSILON = 1e-5;

/**
 * The helper: one decoder layer that is asked about instances and looks for them in the teacher's features. It is
 * trained beside the student and dropped afterwards.
 */
export interface Helper extends AttentionLayers {
  readonly encode: readonly [Linear, Linear];
  /** The projection of the teacher's values. */
  readonly value: Linear;
  readonly output: Linear;
  readonly forward: readonly [Linear, Linear];
  readonly predict: readonly [Linear, Linear];
}

export function createHelper(
  scope: VariableMaker,
  { classes, channels }: { readonly classes: number; readonly channels: number },
): Helper {
  const make = (name: string, from = channels, to = channels): Linear =>
    createLinear(scope, `helper/${name}`, from, to);
  return {
    encode: [make('encode.0', classes + channels + 2 * BINS), make('encode.1')],
    query: make('query'),
    key: make('key'),
    position: make('position'),
    value: make('value'),
    output: make('output'),
    forward: [make('forward.0', channels, 2 * channels), make('forward.1', 2 * channels)],
    predict: [make('predict.0'), make('predict.1', channels, 5)],
  };
}

const twoLayers = (x: tf.Tensor3D, [first, second]: readonly [Linear, Linear]): tf.Tensor3D =>
  linear(tf.relu(linear(x, first)), second);

/** What an instance is, as a query [b, i, c]: its class, its place, and the size of its sides. */
export function queriesOf(
  { encode }: Pick<Helper, 'encode'>,
  { labels, places, sizes }: Pick<ConditionalInstances, 'labels' | 'places' | 'sizes'>,
  { classes, channels }: { readonly classes: number; readonly channels: number },
): tf.Tensor3D {
  const [b, i] = labels.shape;
  const [x, y] = tf.unstack(places, 2) as [tf.Tensor, tf.Tensor];
  const bin = tf.clipByValue(tf.floor(tf.div(tf.log(tf.maximum(sizes, 1e-6)), -Math.LN2)), 0, BINS - 1); // [b, i, 2]
  const parts = [
    tf.cast(tf.oneHot(labels, classes), 'float32'),
    sineCode(y, channels / 2),
    sineCode(x, channels / 2),
    tf.reshape(tf.cast(tf.oneHot(tf.cast(bin, 'int32'), BINS), 'float32'), [b, i, 2 * BINS]),
  ];
  return twoLayers(tf.concat(parts, 2) as tf.Tensor3D, encode);
}

export interface Looked {
  /** [b, l, c] the values of the cells, in which it looks */
  readonly values: tf.Tensor3D;
  /** [b, heads, i, l] */
  readonly attention: tf.Tensor4D;
  /** [b, i, 5] */
  readonly pred: tf.Tensor3D;
}

/** Looks for the queries in the teacher's cells. */
export function look(helper: Helper, inputs: Parameters<typeof attention>[0], heads: number): Looked {
  const { cells, queries } = inputs;
  const [b, i, channels] = queries.shape;
  const weights = attention(inputs, helper, heads);
  const values = linear(cells, helper.value);
  const byHead = tf.transpose(headsOf(values, heads), [0, 2, 1, 3]); // [b, heads, l, d]
  const context = tf.reshape(tf.transpose(tf.matMul(weights, byHead), [0, 2, 1, 3]), [b, i, channels]) as tf.Tensor3D;
  const seen: tf.Tensor3D = layerNorm(tf.add(queries, linear(context, helper.output)), EPSILON);
  const known: tf.Tensor3D = layerNorm(tf.add(seen, twoLayers(seen, helper.forward)), EPSILON);
  return { values, attention: weights, pred: twoLayers(known, helper.predict) };
}
