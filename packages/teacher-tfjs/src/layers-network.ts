import * as tf from '@tensorflow/tfjs-core';
import { type LayersModel, loadLayersModel, model as modelOf, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import type { Network } from './network.js';

/** A layers model: what `model.save` of TensorFlow.js writes, or the converter makes of a Keras model. */
export async function openLayers(artifacts: tf.io.ModelArtifacts): Promise<Network> {
  const whole = await loadLayersModel(tf.io.fromMemory(artifacts));
  const [input, ...more] = whole.inputs;
  if (input === undefined || more.length > 0) {
    whole.dispose();
    throw new Error(`it has ${whole.inputs.length} inputs, where one of images is wanted`);
  }
  const outputs = new Map(
    whole.layers.flatMap((layer): [string, SymbolicTensor][] => {
      // A layer that stands in several places has no output of its own.
      const { output } = layer.inboundNodes.length === 1 ? layer : { output: [] };
      return Array.isArray(output) || output.shape.length !== 4 || output === input ? [] : [[layer.name, output]];
    }),
  );
  const parts = new Map<string, LayersModel>();
  const partOf = (names: readonly string[]): LayersModel => {
    const key = JSON.stringify(names);
    const known = parts.get(key) ?? modelOf({ inputs: input, outputs: names.map((name) => outputs.get(name)!) });
    parts.set(key, known);
    return known;
  };
  return {
    input: input.shape,
    names: [...outputs.keys()],
    run: async (images, names) =>
      tf.tidy(() => {
        const read = input.dtype === 'int32' ? tf.cast(images, 'int32') : images;
        return [partOf(names).apply(read, { training: false }) as tf.Tensor | tf.Tensor[]].flat();
      }),
    dispose: () => void whole.dispose(),
  };
}
