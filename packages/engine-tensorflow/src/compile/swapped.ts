import * as tf from '@tensorflow/tfjs-core';

/** Variables that hold other tensors for a while. */
export interface Swapped {
  /** What the function left in those that it assigned to; the caller disposes it. */
  assigned(): readonly { readonly variable: tf.Variable; readonly value: tf.Tensor }[];
  putBack(): void;
}

/**
 * Puts a stand-in into every variable there is. Nothing is copied: a variable and a clone share their data.
 * @param standIn the tensor that stands in; it is disposed once the variable holds it
 */
export function swapVariables(standIn: (variable: tf.Variable) => tf.Tensor): Swapped {
  const held = Object.values(tf.engine().registeredVariables).map((variable) => {
    const before = tf.keep(tf.clone(variable));
    const tensor = standIn(variable);
    variable.assign(tensor);
    tensor.dispose();
    return { variable, before, within: variable.dataId };
  });
  return {
    assigned: () =>
      held
        .filter(({ variable, within }) => variable.dataId !== within)
        .map(({ variable }) => ({ variable, value: tf.keep(tf.clone(variable)) })),
    putBack: () => {
      for (const { variable, before } of held) {
        if (!variable.isDisposed) variable.assign(before);
        before.dispose();
      }
    },
  };
}
