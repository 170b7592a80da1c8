import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { floatToHalf } from '@kd/core';
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataType,
  TensorProtoSchema,
} from 'onnx-buf';
import type { Weight } from '../network/graph.js';
import { quantised } from '../network/quantised.js';

/** Whole numbers are INT or INTS; a number with `float` FLOAT. */
export type Attribute = number | readonly number[] | string | { readonly float: number };
export type Attributes = Readonly<Record<string, Attribute>>;

/** How weights are stored; what computes is float32 in any case. */
export type Storage = 'float32' | 'float16' | 'int8';

/** Nodes and constants of a graph in the making. Tensors go by their names. */
export interface OnnxBuilder {
  readonly nodes: readonly NodeProto[];
  readonly constants: readonly TensorProto[];
  /** A node with one output, whose name it gives; the name says which place of the network it is at. */
  node(type: string, inputs: readonly string[], attributes?: Attributes, name?: string): string;
  /** A node with several outputs. */
  many(type: string, inputs: readonly string[], outputs: number, attributes?: Attributes, name?: string): string[];
  /** Gives a tensor the name of an output. */
  output(name: string, from: string): void;
  /** Float32 numbers, by default a vector; equal ones are stored once. */
  floats(values: readonly number[], shape?: readonly number[]): string;
  /** Int64 numbers, by default a vector; [] a scalar. */
  ints(values: readonly number[], shape?: readonly number[]): string;
  /**
   * A weight, once whoever asks for it.
   * @param channels its axis of output channels, of one that may be stored small
   */
  weight(weight: Weight, channels?: number): string;
}

/** @param reserved names of the inputs and outputs, which nothing else gets */
export function onnxBuilder(storage: Storage, reserved: readonly string[]): OnnxBuilder {
  const nodes: NodeProto[] = [];
  const constants: TensorProto[] = [];
  const names = new Set(reserved);
  const known = new Map<string, string>();
  const unique = (wanted: string): string => {
    let name = wanted;
    for (let n = 1; names.has(name); n++) name = `${wanted}_${n}`;
    names.add(name);
    return name;
  };
  const once = (key: string, make: () => string): string => {
    const name = known.get(key) ?? make();
    known.set(key, name);
    return name;
  };
  const constant = (wanted: string, dataType: number, shape: readonly number[], data: ArrayBufferView): string => {
    const name = unique(wanted);
    const rawData = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    constants.push(create(TensorProtoSchema, { name, dataType, dims: shape.map(BigInt), rawData }));
    return name;
  };
  const many: OnnxBuilder['many'] = (opType, inputs, outputs, attributes = {}, wanted = opType) => {
    const name = unique(wanted);
    const output = Array.from({ length: outputs }, (_, i) => (i === 0 ? name : unique(`${wanted}.${i}`)));
    const attribute = Object.entries(attributes).map(attributeOf);
    nodes.push(create(NodeProtoSchema, { opType, name, input: [...inputs], output, attribute }));
    return output;
  };
  const node: OnnxBuilder['node'] = (type, inputs, attributes, name) => many(type, inputs, 1, attributes, name)[0]!;

  const stored = ({ name, shape, data }: Weight, channels?: number): string => {
    if (storage === 'int8' && channels !== undefined) {
      const { values, scales } = quantised(data, shape, channels);
      const whole = constant(`${name}.int8`, TensorProto_DataType.INT8, shape, values);
      const scale = constant(`${name}.scale`, TensorProto_DataType.FLOAT, [scales.length], scales);
      return node('DequantizeLinear', [whole, scale], { axis: channels }, name);
    }
    if (storage === 'float32' || channels === undefined) return constant(name, TensorProto_DataType.FLOAT, shape, data);
    const half = constant(`${name}.half`, TensorProto_DataType.FLOAT16, shape, Uint16Array.from(data, floatToHalf));
    return node('Cast', [half], { to: TensorProto_DataType.FLOAT }, name);
  };

  return {
    nodes,
    constants,
    node,
    many,
    output: (name, from) =>
      void nodes.push(create(NodeProtoSchema, { opType: 'Identity', name, input: [from], output: [name] })),
    floats: (values, shape = [values.length]) =>
      once(`float ${values.join()} ${shape.join()}`, () =>
        constant('float', TensorProto_DataType.FLOAT, shape, Float32Array.from(values)),
      ),
    ints: (values, shape = [values.length]) =>
      once(`int ${values.join()} ${shape.join()}`, () =>
        constant('int', TensorProto_DataType.INT64, shape, BigInt64Array.from(values, BigInt)),
      ),
    weight: (weight, channels) => once(`weight ${weight.name}`, () => stored(weight, channels)),
  };
}

function attributeOf([name, value]: [string, Attribute]): MessageInitShape<typeof AttributeProtoSchema> {
  const type = AttributeProto_AttributeType;
  if (typeof value === 'number') return { name, type: type.INT, i: BigInt(value) };
  if (typeof value === 'string') return { name, type: type.STRING, s: new Uint8Array(new TextEncoder().encode(value)) };
  if ('float' in value) return { name, type: type.FLOAT, f: value.float };
  return { name, type: type.INTS, ints: value.map(BigInt) };
}
