import type { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto } from 'onnx-buf';

/** Every constant of a model: of its graph, of graphs inside of nodes, and of attributes. */
export function* tensorsOf(model: ModelProto): Generator<TensorProto> {
  if (model.graph !== undefined) yield* graphTensors(model.graph);
  for (const { node, attributeProto } of model.functions) {
    yield* nodeTensors(node);
    yield* attributeTensors(attributeProto);
  }
}

function* graphTensors({ initializer, sparseInitializer, node }: GraphProto): Generator<TensorProto> {
  yield* initializer;
  for (const { values, indices } of sparseInitializer) yield* [values, indices].filter((one) => one !== undefined);
  yield* nodeTensors(node);
}

function* nodeTensors(nodes: readonly NodeProto[]): Generator<TensorProto> {
  for (const { attribute } of nodes) yield* attributeTensors(attribute);
}

function* attributeTensors(attributes: readonly AttributeProto[]): Generator<TensorProto> {
  for (const { t, tensors, sparseTensor, sparseTensors, g, graphs } of attributes) {
    if (t !== undefined) yield t;
    yield* tensors;
    for (const sparse of [...(sparseTensor === undefined ? [] : [sparseTensor]), ...sparseTensors])
      yield* [sparse.values, sparse.indices].filter((one) => one !== undefined);
    for (const graph of [...(g === undefined ? [] : [g]), ...graphs]) yield* graphTensors(graph);
  }
}
