import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema, type NodeProto } from 'onnx-buf';
import { readsOf } from './captured.js';
import type { OnnxModel } from './onnx-model.js';

/**
 * The part of a model that some tensors are computed by, without outputs yet: what only stands behind them, the head of
 * a detector say, is neither run nor has to be known to onnxruntime.
 */
export function cut(model: OnnxModel, tensors: readonly string[]): OnnxModel {
  const { graph } = model;
  const producers = producersOf(graph.node);
  const needed = new Set<string>();
  const kept = new Set<NodeProto>();
  const open = [...tensors];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (needed.has(name)) continue;
    needed.add(name);
    const node = producers.get(name);
    if (node === undefined || kept.has(node)) continue;
    kept.add(node);
    open.push(...readsOf(node));
  }
  return withGraph(model, {
    node: graph.node.filter((node) => kept.has(node)),
    initializer: graph.initializer.filter(({ name }) => needed.has(name)),
    sparseInitializer: graph.sparseInitializer.filter(({ values }) => needed.has(values?.name ?? '')),
    input: graph.input.filter(({ name }) => needed.has(name)),
    output: [],
  });
}

/** The same model with some parts of its graph replaced, and without the sizes that an exporter noted of tensors. */
export function withGraph(model: OnnxModel, parts: Partial<OnnxModel['graph']>): OnnxModel {
  const graph = create(GraphProtoSchema, { ...model.graph, valueInfo: [], ...parts });
  return { ...model, graph, proto: create(ModelProtoSchema, { ...model.proto, trainingInfo: [], graph }) };
}

export const producersOf = (nodes: readonly NodeProto[]): Map<string, NodeProto> =>
  new Map(nodes.flatMap((node) => node.output.filter((name) => name !== '').map((name) => [name, node] as const)));
