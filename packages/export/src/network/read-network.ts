import { KdError } from '@kd/core';
import type { Layer } from '@kd/vision';
import type { SymbolicTensor } from '@tensorflow/tfjs-layers';
import type { NetworkGraph, Node, Op } from './graph.js';
import { foldNorms } from './fold-norms.js';
import { readLayer } from './read-layer.js';

/**
 * The graph of plain operators between symbolic tensors: a node a layer (two where it has an activation of its own),
 * then norms of fixed statistics and zero paddings folded into what stands beside them.
 * @throws KdError USAGE naming the layer that no other program has
 */
export function readNetwork(input: SymbolicTensor, outputs: readonly SymbolicTensor[]): NetworkGraph {
  const nodes: Node[] = [];
  const ids = new Map<SymbolicTensor, string>([[input, input.sourceLayer.name]]);
  const used = new Set(ids.values());
  /** `name`, `name@1`, … for a layer that stands in several places. */
  const unique = (name: string): string => {
    let id = name;
    for (let n = 1; used.has(id); n++) id = `${name}@${n}`;
    used.add(id);
    return id;
  };
  const place = (name: string, op: Op, inputs: readonly string[], channels: number): string => {
    const id = unique(name);
    nodes.push({ ...op, id, inputs, channels });
    return id;
  };
  const visit = (tensor: SymbolicTensor): void => {
    if (ids.has(tensor)) return;
    tensor.inputs.forEach(visit);
    const layer = tensor.sourceLayer;
    if (tensor.inputs.length === 0) throw unsupported(layer, 'it is another input than the images');
    const inputs = tensor.inputs.map((one) => ids.get(one)!);
    const shapes = tensor.inputs.map(({ shape }) => shape);
    const channels = tensor.shape.at(-1)!;
    if (layer.getClassName() === 'HardGate') {
      const gate = place(`${layer.name}.gate`, { op: 'hardsigmoid' }, [inputs[1]!], channels);
      ids.set(tensor, place(layer.name, { op: 'mul' }, [inputs[0]!, gate], channels));
      return;
    }
    const ops = readLayer(layer, shapes, (why) => unsupported(layer, why));
    // A layer that does nothing at inference has no node.
    let id = inputs[0]!;
    ops.forEach((op, i) => {
      const name = i === 0 ? layer.name : `${layer.name}.${op.op}`;
      id = place(name, op, i === 0 ? inputs : [id], channels);
    });
    ids.set(tensor, id);
  };
  outputs.forEach(visit);
  return foldNorms({
    input: { id: ids.get(input)!, channels: input.shape.at(-1)! },
    nodes,
    outputs: outputs.map((tensor) => ids.get(tensor)!),
  });
}

const unsupported = (layer: Layer, why: string): KdError =>
  new KdError(
    'USAGE',
    `the layer ${layer.name} (${layer.getClassName()}) cannot be exported: ${why}. Build it of layers of @kd/vision or of the usual ones of TensorFlow.js; nothing has been written.`,
  );
