import * as tf from '@tensorflow/tfjs-core';
import { KdError } from '../errors.js';
import type { PluginVariable } from '../plugins/plugin-host.js';

/**
 * A scalar of the tape with its gradient towards `variables` alone. That gradient is made at once, from the tape up to
 * here, so that nothing else can be on the way back.
 */
export function ownOnly(id: string, term: tf.Scalar, variables: readonly PluginVariable[]): tf.Scalar {
  const own = variables.filter(({ trainable }) => trainable).map(({ variable }) => variable);
  return tf.tidy(() => {
    const grads = own.length === 0 ? [] : tf.engine().gradients(() => term, own, undefined, true).grads;
    const reached = own.flatMap((variable, i) => (grads[i] === undefined ? [] : [{ variable, gradient: grads[i] }]));
    if (reached.length === 0)
      throw new KdError(
        'PLUGIN_HOOK',
        `${id}: ownOnly was given a term that depends on none of the plugin's trainable variables; make it of what scope.variable or scope.variables gave, inside of lossCompose.`,
      );
    const alone = tf.customGrad((...inputs) => {
      (inputs.at(-1) as tf.GradSaveFunc)(reached.map(({ gradient }) => gradient));
      return {
        value: tf.clone(term),
        gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => saved.map((gradient) => tf.mul(gradient, dy)),
      };
    });
    return alone(...reached.map(({ variable }) => variable)) as tf.Scalar;
  });
}
