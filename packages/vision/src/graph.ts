import { KdError } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { SymbolicTensor } from '@tensorflow/tfjs-layers';
import { type ConvBlock, type RunContext, runConvBlock, tidyWithUpdates } from './layers/conv-block.js';
import type { Layer } from './layers/layer-weight.js';

/** A functional network, ready to be run on tensors. */
export interface Graph {
  /** Values of the outputs, in the order given to {@link compileGraph}. */
  run(feeds: readonly tf.Tensor[], context: RunContext): tf.Tensor[];
}

/** One thing to compute: a layer, or a convolution with what follows it. */
interface Step {
  readonly inputs: readonly SymbolicTensor[];
  readonly output: SymbolicTensor;
  run(inputs: readonly tf.Tensor[], context: RunContext): tf.Tensor;
}

/**
 * Orders the layers between `inputs` and `outputs` and joins each convolution with the zero padding before it and the
 * norm,
 * sum and ReLU behind it, unless what lies between is asked for or used elsewhere.
 *
 * The layers API has an executor of its own (`model.predict`, `apply`); this one knows such groups, hands the updates
 * of
 * running statistics out, and frees what is no longer read while the network still runs.
 */
export function compileGraph(inputs: readonly SymbolicTensor[], outputs: readonly SymbolicTensor[]): Graph {
  const order = topologicalOrder(inputs, outputs);
  refuseStockNorm(order.map(({ sourceLayer }) => sourceLayer));
  const steps = joinSteps(order, new Set([...inputs, ...outputs]));
  const lastUse = new Map<SymbolicTensor, number>();
  steps.forEach((step, i) => step.inputs.forEach((input) => lastUse.set(input, i)));
  const kept = new Set<SymbolicTensor>([...inputs, ...outputs]);
  const freedAfter = steps.map((_, i) =>
    [...lastUse].filter(([tensor, last]) => last === i && !kept.has(tensor)).map(([tensor]) => tensor),
  );

  return {
    run: (feeds, context) =>
      tidyWithUpdates(context, () => {
        const values = new Map<SymbolicTensor, tf.Tensor>(inputs.map((input, i) => [input, feeds[i]!]));
        steps.forEach((step, i) => {
          values.set(
            step.output,
            step.run(
              step.inputs.map((input) => values.get(input)!),
              context,
            ),
          );
          // The tape keeps clones of what it needs, so this is safe in training, too.
          for (const tensor of freedAfter[i]!) values.get(tensor)!.dispose();
        });
        return outputs.map((output) => (inputs.includes(output) ? tf.clone(values.get(output)!) : values.get(output)!));
      }),
  };
}

/**
 * The stock batch norm assigns its running statistics in the forward pass.
 * @throws KdError PLUGIN_INVALID naming the layer
 */
export function refuseStockNorm(layers: readonly Layer[]): void {
  const stock = layers.find((layer) => layer.getClassName() === 'BatchNormalization');
  if (stock === undefined) return;
  throw new KdError(
    'PLUGIN_INVALID',
    `the layer ${stock.name} is a BatchNormalization of TensorFlow.js, which assigns its running statistics in the middle of a step. Use createNorm(name, channels, { kind: 'live' }) of @kd/vision, or kind 'frozen' for fixed statistics; its weights have the same names.`,
  );
}

/** Everything the outputs need, each after its own inputs. */
function topologicalOrder(inputs: readonly SymbolicTensor[], outputs: readonly SymbolicTensor[]): SymbolicTensor[] {
  const order: SymbolicTensor[] = [];
  const seen = new Set<SymbolicTensor>(inputs);
  const visit = (tensor: SymbolicTensor): void => {
    if (seen.has(tensor)) return;
    seen.add(tensor);
    tensor.inputs.forEach(visit);
    order.push(tensor);
  };
  outputs.forEach(visit);
  return order;
}

function joinSteps(order: readonly SymbolicTensor[], fetched: ReadonlySet<SymbolicTensor>): Step[] {
  const users = new Map<SymbolicTensor, SymbolicTensor[]>();
  for (const tensor of order)
    for (const input of tensor.inputs) users.set(input, [...(users.get(input) ?? []), tensor]);
  /** The only reader of a tensor that nobody else looks at. */
  const next = (tensor: SymbolicTensor): SymbolicTensor | undefined => {
    const readers = users.get(tensor) ?? [];
    return fetched.has(tensor) || readers.length !== 1 ? undefined : readers[0];
  };

  const joined = new Set<SymbolicTensor>();
  const blockAt = new Map<SymbolicTensor, Step>();
  for (const conv of order) {
    if (!isPlainConv(conv.sourceLayer)) continue;
    let x = conv.inputs[0]!;
    let pad = 0;
    if (next(x) === conv && zeroPadding(x.sourceLayer) > 0) {
      pad = zeroPadding(x.sourceLayer);
      joined.add(x);
      x = x.inputs[0]!;
    }
    let tail = conv;
    const take = (wanted: (layer: Layer) => boolean): SymbolicTensor | undefined => {
      const follower = next(tail);
      if (!follower || joined.has(follower) || !wanted(follower.sourceLayer)) return undefined;
      joined.add(tail);
      tail = follower;
      return follower;
    };
    const norm = take(isNorm);
    const before = tail;
    const sum = take(
      (layer) =>
        layer.getClassName() === 'Add' &&
        next(tail)!.inputs.length === 2 &&
        next(tail)!.inputs[0] !== next(tail)!.inputs[1],
    );
    const other = sum?.inputs.find((input) => input !== before);
    const rectifier = take(isRelu);
    const relu = rectifier === undefined ? false : (capOf(rectifier.sourceLayer) ?? true);
    const block: ConvBlock = { conv: conv.sourceLayer, relu, pad, ...(norm && { norm: norm.sourceLayer }) };
    joined.add(tail);
    blockAt.set(tail, {
      inputs: other ? [x, other] : [x],
      output: tail,
      run: (values, context) =>
        runConvBlock(block, values[0] as tf.Tensor4D, context, values[1] as tf.Tensor4D | undefined),
    });
  }
  return order.flatMap((tensor) => blockAt.get(tensor) ?? (joined.has(tensor) ? [] : layerStep(tensor)));
}

function layerStep(tensor: SymbolicTensor): Step {
  const index = tensor.outputTensorIndex ?? 0;
  return {
    inputs: tensor.inputs,
    output: tensor,
    run: (values, context) =>
      tidyWithUpdates(context, () => {
        const result = tensor.sourceLayer.call([...values], { ...tensor.callArgs, ...context });
        const value = Array.isArray(result) ? result[index]! : result;
        return values.includes(value) ? tf.clone(value) : value;
      }),
  };
}

const NORMS = new Set(['FrozenBatchNorm', 'TorchBatchNorm', 'TorchGroupNorm']);
const isNorm = (layer: Layer): boolean => NORMS.has(layer.getClassName());

/** Where a ReLU is cut off, 6 or nowhere; one that is cut elsewhere runs by itself. */
const capOf = (layer: Layer): 6 | undefined =>
  layer.getClassName() === 'ReLU' && layer.getConfig()['maxValue'] === 6 ? 6 : undefined;

function isRelu(layer: Layer): boolean {
  if (layer.getClassName() === 'ReLU') return [undefined, null, 6].includes(layer.getConfig()['maxValue'] as 6);
  return layer.getClassName() === 'Activation' && layer.getConfig()['activation'] === 'relu';
}

function isPlainConv(layer: Layer): boolean {
  if (layer.getClassName() === 'GroupedConv2D') return true;
  if (layer.getClassName() !== 'Conv2D') return false;
  const config = layer.getConfig();
  const dilation = [config['dilationRate'] ?? 1].flat() as number[];
  return (
    config['activation'] === 'linear' && config['dataFormat'] === 'channelsLast' && dilation.every((rate) => rate === 1)
  );
}

/** Zeros on every side, or 0 when the layer is no symmetric padding. */
function zeroPadding(layer: Layer): number {
  if (layer.getClassName() !== 'ZeroPadding2D') return 0;
  const sides = (layer.getConfig()['padding'] as number[][]).flat();
  return sides.every((side) => side === sides[0]) ? sides[0]! : 0;
}
