import type { NetworkGraph, Node, Op } from './graph.js';

type Conv = Op & { readonly op: 'conv' };
type Affine = Op & { readonly op: 'affine' };

/** The same network with norms of fixed statistics in the convolutions before them, and zeros in what stands behind. */
export function foldNorms(graph: NetworkGraph): NetworkGraph {
  return foldPads(foldAffines(graph));
}

function foldAffines(graph: NetworkGraph): NetworkGraph {
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  const readers = readersOf(graph);
  const folded = new Map<string, Node>();
  const moved = new Map<string, string>();
  const fold = folder();
  for (const node of graph.nodes) {
    if (node.op !== 'affine') continue;
    const conv = byId.get(node.inputs[0]!);
    if (conv?.op !== 'conv' || readers.get(conv.id) !== 1) continue;
    folded.set(conv.id, { ...conv, ...fold(conv, node) });
    moved.set(node.id, conv.id);
  }
  return rewired({ ...graph, nodes: graph.nodes.map((node) => folded.get(node.id) ?? node) }, moved);
}

/** A convolution that is shared with its norm is folded once. */
function folder(): (conv: Conv, norm: Affine) => Conv {
  const made = new Map<string, Pick<Conv, 'kernel' | 'bias'>>();
  const names = new Set<string>();
  const named = (name: string, norm: Affine): string => {
    const own = names.has(name) ? `${name}@${norm.scale.name}` : name;
    names.add(own);
    return own;
  };
  return (conv, norm) => {
    const key = `${conv.kernel.name} ${norm.scale.name}`;
    const weights = made.get(key) ?? foldedWeights(conv, norm, (name) => named(name, norm));
    made.set(key, weights);
    return { ...conv, ...weights };
  };
}

function foldedWeights(
  { kernel, bias }: Conv,
  { scale, shift }: Affine,
  named: (name: string) => string,
): Required<Pick<Conv, 'kernel' | 'bias'>> {
  const out = scale.data.length;
  const { name } = kernel;
  return {
    kernel: { ...kernel, name: named(name), data: kernel.data.map((value, i) => value * scale.data[i % out]!) },
    bias: {
      name: named(bias?.name ?? name.replace(/\.weight$/, '.bias')),
      shape: [out],
      data: shift.data.map((value, i) => (bias?.data[i] ?? 0) * scale.data[i]! + value),
    },
  };
}

/** Of positive maps zeros are as good as what never is the maximum. */
const POSITIVE = new Set<Op['op']>(['relu', 'relu6', 'sigmoid', 'hardsigmoid', 'exp']);

function foldPads(graph: NetworkGraph): NetworkGraph {
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  const readers = readersOf(graph);
  const moved = new Map<string, string>();
  const nodes = graph.nodes.map((node): Node => {
    if ((node.op !== 'conv' && node.op !== 'maxpool') || node.pads === 'same') return node;
    const pad = byId.get(node.inputs[0]!);
    if (pad?.op !== 'pad' || readers.get(pad.id) !== 1) return node;
    if (node.op === 'maxpool' && !POSITIVE.has(byId.get(pad.inputs[0]!)?.op ?? 'pad')) return node;
    moved.set(pad.id, pad.inputs[0]!);
    const [top, left, bottom, right] = node.pads;
    const [t, l, b, r] = pad.pads;
    return { ...node, pads: [top + t, left + l, bottom + b, right + r] };
  });
  return rewired({ ...graph, nodes }, moved);
}

/** How often each node is read, by nodes or as an output. */
function readersOf({ nodes, outputs }: NetworkGraph): Map<string, number> {
  const counts = new Map<string, number>();
  for (const id of [...nodes.flatMap(({ inputs }) => inputs), ...outputs]) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

/** Without the nodes that moved: their readers read what they moved to. */
function rewired(graph: NetworkGraph, moved: ReadonlyMap<string, string>): NetworkGraph {
  const to = (id: string): string => moved.get(id) ?? id;
  return {
    ...graph,
    nodes: graph.nodes.filter(({ id }) => !moved.has(id)).map((node) => ({ ...node, inputs: node.inputs.map(to) })),
    outputs: graph.outputs.map(to),
  };
}
