import type { Weight } from '../network/graph.js';
import type { GraphDefNode, TensorSpec } from './graph-types.js';

const DTYPES = { float32: 'DT_FLOAT', int32: 'DT_INT32' } as const;

/** Values of a constant, under the name of its node. */
export interface Constant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
  /** Kernels are what `--fp16` and `--int8` are about. */
  readonly kernel: boolean;
}

export type Attribute = GraphDefNode['attr'][string];

/** Nodes of a graph of TensorFlow as they are added, each named by what it stands for. */
export interface GraphDef {
  readonly nodes: readonly GraphDefNode[];
  readonly constants: readonly Constant[];
  /** @returns the name of the node */
  node(op: string, inputs: readonly string[], attr?: Readonly<Record<string, Attribute>>, name?: string): string;
  floats(data: readonly number[], shape: readonly number[]): string;
  /** Stored once, wherever its layer stands. */
  weight(weight: Weight): string;
  ints(data: readonly number[], shape?: readonly number[]): string;
  placeholder(name: string, shape: readonly (number | null)[]): string;
}

export const text = (value: string): Attribute => ({ s: Buffer.from(value).toString('base64') });
export const list = (values: readonly number[]): Attribute => ({ list: { i: values.map(String) } });
export const flag = (b: boolean): Attribute => ({ b });

/** Null is an axis of any length. */
export const tensorShape = (shape: readonly (number | null)[]): TensorSpec['tensorShape'] => ({
  dim: shape.map((side) => ({ size: String(side ?? -1) })),
});

/** @param taken names that only outputs have */
export function graphDef(taken: readonly string[]): GraphDef {
  const nodes: GraphDefNode[] = [];
  const constants: Constant[] = [];
  const stored = new Map<Weight['data'], string>();
  const used = new Set<string>();
  const reserved = new Set(taken);
  const unique = (wanted: string): string => {
    let name = wanted;
    for (let n = 1; used.has(name) || (reserved.has(name) && n > 1); n++) name = `${wanted}_${n}`;
    used.add(name);
    return name;
  };
  const constant = (data: Constant['data'], shape: readonly number[], wanted: string, kernel: boolean): string => {
    const name = unique(wanted);
    const dtype = DTYPES[data instanceof Float32Array ? 'float32' : 'int32'];
    nodes.push({
      name,
      op: 'Const',
      attr: { dtype: { type: dtype }, value: { tensor: { dtype, tensorShape: tensorShape(shape) } } },
    });
    constants.push({ name, shape, data, kernel });
    return name;
  };
  return {
    nodes,
    constants,
    node(op, input, attr = {}, name) {
      const own = unique(name ?? op.toLowerCase());
      nodes.push({ name: own, op, input, attr: { T: { type: DTYPES.float32 }, ...attr } });
      return own;
    },
    floats: (data, shape) => constant(Float32Array.from(data), shape, 'number', false),
    weight({ name, shape, data }) {
      const own = stored.get(data) ?? constant(data, shape, name, shape.length > 1);
      stored.set(data, own);
      return own;
    },
    ints: (data, shape = [data.length]) => constant(Int32Array.from(data), shape, 'sides', false),
    placeholder(name, shape) {
      used.add(name);
      nodes.push({
        name,
        op: 'Placeholder',
        attr: { dtype: { type: DTYPES.float32 }, shape: { shape: tensorShape(shape) } },
      });
      return name;
    },
  };
}
