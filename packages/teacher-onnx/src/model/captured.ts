import type { GraphProto, NodeProto } from 'onnx-buf';

/** What a node reads: its inputs, and what the graphs inside of it (of If, Loop, Scan) read from outside. */
export function readsOf(node: NodeProto): Set<string> {
  const reads = new Set(node.input);
  for (const { g, graphs } of node.attribute)
    for (const graph of [...(g === undefined ? [] : [g]), ...graphs]) collect(graph, reads);
  reads.delete('');
  return reads;
}

/** Names of the inner graph's own are taken as well: nothing outside can have them, so that they find nobody. */
function collect(graph: GraphProto, reads: Set<string>): void {
  for (const node of graph.node) for (const name of readsOf(node)) reads.add(name);
  for (const { name } of graph.output) reads.add(name);
}
