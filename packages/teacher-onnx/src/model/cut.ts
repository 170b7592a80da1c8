import { create } from '@bufbuild/protobuf';
import { suggestion, KdError } from '@kd/core';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { readsOf } from './captured.js';
import type { OnnxModel } from './onnx-model.js';

/**
 * The part of a model that some tensors are computed by, with these as its outputs: what only stands behind them, the
 * head of a detector say, is neither run nor has to be known to onnxruntime.
 * @throws KdError TAP_UNKNOWN
 */
export function cut(model: OnnxModel, outputs: readonly string[]): OnnxModel {
  const { graph } = model;
  const producers = producersOf(graph.node);
  const needed = new Set<string>();
  const kept = new Set<NodeProto>();
  const open = [...outputs];
  for (const name of outputs) if (!producers.has(name)) throw unknownTensor(model, name, [...producers.keys()]);
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (needed.has(name)) continue;
    needed.add(name);
    const node = producers.get(name);
    if (node === undefined || kept.has(node)) continue;
    kept.add(node);
    open.push(...readsOf(node));
  }
  const declared = new Map([...graph.output, ...graph.valueInfo].map((one) => [one.name, one]));
  return withGraph(model, {
    node: graph.node.filter((node) => kept.has(node)),
    initializer: graph.initializer.filter(({ name }) => needed.has(name)),
    sparseInitializer: graph.sparseInitializer.filter(({ values }) => needed.has(values?.name ?? '')),
    input: graph.input.filter(({ name }) => needed.has(name)),
    output: outputs.map((name) => create(ValueInfoProtoSchema, { name, ...typeOf(declared.get(name)) })),
  });
}

/** The same model with some parts of its graph replaced, and without the sizes that an exporter noted of tensors. */
export function withGraph(model: OnnxModel, parts: Partial<OnnxModel['graph']>): OnnxModel {
  const graph = create(GraphProtoSchema, { ...model.graph, valueInfo: [], ...parts });
  return { ...model, graph, proto: create(ModelProtoSchema, { ...model.proto, trainingInfo: [], graph }) };
}

export const producersOf = (nodes: readonly NodeProto[]): Map<string, NodeProto> =>
  new Map(nodes.flatMap((node) => node.output.filter((name) => name !== '').map((name) => [name, node] as const)));

/** Its element type without its sizes: onnxruntime finds the sizes anew. */
const typeOf = (declared: ValueInfoProto | undefined): Pick<ValueInfoProto, 'type'> | object =>
  declared?.type?.value.case === 'tensorType'
    ? { type: { value: { case: 'tensorType' as const, value: { elemType: declared.type.value.value.elemType } } } }
    : {};

/** A name that stands for no tensor which a node computes. */
export function unknownTensor({ file, graph }: OnnxModel, name: string, known: readonly string[]): KdError {
  const constant = graph.initializer.some((one) => one.name === name);
  const input = graph.input.some((one) => one.name === name);
  const why = input
    ? `"${name}" is an input of ${file}`
    : constant
      ? `"${name}" is a constant of ${file}, the same for every image`
      : `${file} computes no tensor "${name}"`;
  const meant = suggestion(name, known);
  return new KdError(
    'TAP_UNKNOWN',
    `${why}${meant === '' ? '.' : `; ${meant}`} A tap is the name of a tensor that a node computes: kd teacher inspect ${file} lists those that are maps.`,
  );
}
