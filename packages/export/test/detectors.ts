import { type Detector, type DetectorDefinition, parseOptions } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

export const categories = ['cell', 'platelet', 'other'].map((name, id) => ({ id, name }));

/** Options of a small network. */
export const tiny = {
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 4 },
  fpnChannels: 8,
  head: { depth: 1, groups: 2 },
  input: { fixedSize: [64, 96] },
};

/** The same of two stages. */
export const tinyRegions = {
  backbone: tiny.backbone,
  fpnChannels: 8,
  anchors: { sizes: [[8], [16], [32], [64], [128]] },
  rpn: { preNmsTopN: 40, postNmsTopN: 30 },
  roi: { canonicalScale: 32, outputSize: 3 },
  box: { representationSize: 8 },
  input: tiny.input,
};

/** A detector whose weights are all drawn, norms and biases too, so that its maps say something everywhere. */
export function drawn(definition: DetectorDefinition<never>, options: object, seed = 1): Detector {
  const detector = definition.create(parseOptions(definition.options, options, definition.name), {
    categories,
    seed,
  });
  detector.variables.forEach(({ path, variable }, i) => {
    const { shape } = variable;
    const normal = (deviation: number, mean = 0): tf.Tensor =>
      tf.randomNormal(shape, mean, deviation, 'float32', seed * 1000 + i);
    variable.assign(
      tf.tidy(() => {
        // Logits that no sigmoid takes to the end of its range, where scores would be equal.
        const gain = /logits|bbox/.test(path) ? 0.1 : 2;
        if (path.endsWith('/kernel')) return normal(Math.sqrt(gain / (variable.size / shape.at(-1)!)));
        if (path.endsWith('/gamma') || path.endsWith('/scale')) return normal(0.1, 1);
        if (path.endsWith('/moving_variance')) return tf.add(tf.square(normal(0.3)), 0.8);
        return normal(0.1);
      }),
    );
  });
  return detector;
}

/** RGB from 0 to 255, whole numbers, [n, h, w, 3]. */
export function pixels(n: number, [height, width]: readonly [number, number], seed = 3): Float32Array {
  const random = tf.tidy(() => tf.floor(tf.randomUniform([n, height, width, 3], 0, 256, 'float32', seed)).dataSync());
  return random as Float32Array;
}
