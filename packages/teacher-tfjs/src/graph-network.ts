import { loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import type { Network } from './network.js';

/** Ops that give one map from maps: what lies between them (constants, shapes, control flow) is no feature. */
const MAPS = new Set(
  [
    'Conv2D _FusedConv2D FusedConv2D DepthwiseConv2dNative FusedDepthwiseConv2dNative Conv2DBackpropInput BiasAdd',
    'FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Relu Relu6 LeakyRelu Elu Selu Prelu Sigmoid Tanh Softplus',
    'Add AddV2 AddN Sub Mul Maximum Minimum Concat ConcatV2 MaxPool AvgPool ResizeBilinear ResizeNearestNeighbor',
    'DepthToSpace SpaceToBatchND BatchToSpaceND Pad PadV2 Identity',
  ].flatMap((line) => line.split(' ')),
);

interface GraphNode {
  readonly name: string;
  readonly op: string;
}

/** A graph model: what `tensorflowjs_converter` makes of a SavedModel. */
export async function openGraph(artifacts: tf.io.ModelArtifacts): Promise<Network> {
  const model = await loadGraphModel(tf.io.fromMemory(artifacts));
  const [input, ...more] = model.inputs;
  if (input === undefined || more.length > 0) {
    model.dispose();
    throw new Error(
      `it has ${model.inputs.length} inputs (${model.inputs.map(({ name }) => name).join(', ')}), where one of images is wanted`,
    );
  }
  const { node = [] } = artifacts.modelTopology as { readonly node?: readonly GraphNode[] };
  let dynamic = false;
  return {
    // Of a model without shapes nothing is known: any size may do.
    input: input.shape?.map((side) => (side < 0 ? null : side)) ?? [null, null, null, null],
    names: node.filter(({ op }) => MAPS.has(op)).map(({ name }) => name),
    run: async (images, names) => {
      const read = input.dtype === 'int32' ? tf.cast(images, 'int32') : tf.clone(images);
      try {
        if (!dynamic) {
          try {
            return [model.execute({ [input.name]: read }, [...names])].flat();
          } catch (error) {
            if (!/executeAsync/.test(String(error))) throw error;
            dynamic = true;
          }
        }
        return [await model.executeAsync({ [input.name]: read }, [...names])].flat();
      } finally {
        read.dispose();
      }
    },
    dispose: () => model.dispose(),
  };
}
