import type { NodeProto } from 'onnx-buf';
import { readsOf } from './captured.js';
import type { ImageInput } from './image-input.js';
import type { OnnxModel } from './onnx-model.js';

/** Sets of ops that onnxruntime's library for the CPU has. */
const DOMAINS: ReadonlySet<string> = new Set(['', 'ai.onnx', 'ai.onnx.ml', 'com.microsoft', 'com.ms.internal.nhwc']);

export interface Reachable {
  /** In the order of the file, which is one in which they can run. */
  readonly nodes: readonly NodeProto[];
  /** Names of tensors that depend on the image. */
  readonly tensors: readonly string[];
  /** Ops of other sets, which nobody can run here. */
  readonly foreign: readonly string[];
  /** Other inputs that some tensors need. */
  readonly inputs: readonly string[];
}

/** The nodes that an image alone can make run. */
export function reachable({ graph, proto }: OnnxModel, input: ImageInput): Reachable {
  const own = new Set(proto.functions.map(({ domain, name }) => `${domain}:${name}`));
  const constants = new Set([
    ...graph.initializer.map(({ name }) => name),
    ...graph.sparseInitializer.map(({ values }) => values?.name ?? ''),
  ]);
  const lacking = new Set(
    graph.input.map(({ name }) => name).filter((one) => one !== input.name && !constants.has(one)),
  );
  const blocked = new Set(lacking);
  const ofImage = new Set([input.name]);
  const foreign = new Set<string>();
  const nodes: NodeProto[] = [];
  const tensors: string[] = [];
  for (const node of graph.node) {
    const reads = readsOf(node);
    const unknown = !DOMAINS.has(node.domain) && !own.has(`${node.domain}:${node.opType}`);
    if (unknown) foreign.add(`${node.domain}:${node.opType}`);
    if (unknown || [...reads].some((name) => blocked.has(name))) {
      for (const name of node.output) blocked.add(name);
      continue;
    }
    nodes.push(node);
    if (![...reads].some((name) => ofImage.has(name))) continue;
    for (const name of node.output.filter((one) => one !== '')) {
      ofImage.add(name);
      tensors.push(name);
    }
  }
  return { nodes, tensors, foreign: [...foreign], inputs: [...lacking] };
}
