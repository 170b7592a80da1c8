import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  type GraphProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataType,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from 'onnx-buf';

// Networks of a few nodes, with weights that follow from their names and places: what they compute can be worked out.

type Node = MessageInitShape<typeof NodeProtoSchema>;
type Constant = MessageInitShape<typeof TensorProtoSchema>;
type Input = MessageInitShape<typeof ValueInfoProtoSchema>;
type Graph = MessageInitShape<typeof GraphProtoSchema>;

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | BigInt64Array): Uint8Array<ArrayBuffer> =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

export const floats = (name: string, dims: readonly number[], values: readonly number[]): Constant => ({
  name,
  dims: dims.map(BigInt),
  dataType: TensorProto_DataType.FLOAT,
  rawData: bytesOf(Float32Array.from(values)),
});

export const integers = (name: string, values: readonly number[]): Constant => ({
  name,
  dims: [BigInt(values.length)],
  dataType: TensorProto_DataType.INT64,
  rawData: bytesOf(BigInt64Array.from(values, BigInt)),
});

/** An input; an axis without a size is a text, its name. */
export const input = (
  name: string,
  axes: readonly (number | string)[],
  elemType: number = TensorProto_DataType.FLOAT,
): Input => ({
  name,
  type: {
    value: {
      case: 'tensorType',
      value: {
        elemType,
        shape: {
          dim: axes.map((axis) => ({
            value:
              typeof axis === 'number'
                ? { case: 'dimValue' as const, value: BigInt(axis) }
                : { case: 'dimParam' as const, value: axis },
          })),
        },
      },
    },
  },
});

export const node = (
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
  domain = '',
): Node => ({
  opType,
  domain,
  name: output,
  input: [...inputs],
  output: [output],
  attribute: Object.entries(attributes).map(
    ([name, value]): MessageInitShape<typeof AttributeProtoSchema> =>
      typeof value === 'number'
        ? { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) }
        : { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) },
  ),
});

/** A 3×3 convolution of stride 2, all of whose weights are `weight`, so that outputs are sums of neighbourhoods. */
export const halving = (from: string, to: string, channels: readonly [number, number], weight: number) => ({
  node: node('Conv', [from, `${to}.weight`], to, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  weight: floats(
    `${to}.weight`,
    [channels[1], channels[0], 3, 3],
    Array.from({ length: channels[1] * channels[0] * 9 }, (_, at) => weight * (1 + Math.floor(at / (channels[0] * 9)))),
  ),
});

/** Writes a graph as a file and gives its path. */
export function written(graph: Graph, { domains = [] as readonly string[], ir = 8n, opset = 17n } = {}): string {
  const model = create(ModelProtoSchema, {
    irVersion: ir,
    producerName: 'test',
    opsetImport: [{ domain: '', version: opset }, ...domains.map((domain) => ({ domain, version: 1n }))],
    graph: { name: 'g', ...graph },
  });
  const file = join(mkdtempSync(join(tmpdir(), 'kd-onnx-')), 'model.onnx');
  writeFileSync(file, toBinary(ModelProtoSchema, model));
  return file;
}

/** Five halvings and a head of a vector: maps `c1` to `c5` of strides 2 to 32, channels 4, 6, 8, 10, 12. */
export function pyramid(axes: readonly (number | string)[] = ['b', 3, 'h', 'w']): string {
  const channels = [3, 4, 6, 8, 10, 12];
  const stages = [1, 2, 3, 4, 5].map((at) =>
    halving(at === 1 ? 'images' : `c${at - 1}`, `c${at}`, [channels[at - 1]!, channels[at]!], 0.05),
  );
  return written({
    input: [input('images', axes)],
    initializer: stages.map((stage) => stage.weight),
    node: [
      ...stages.map((stage) => stage.node),
      node('GlobalAveragePool', ['c5'], 'pooled'),
      node('Flatten', ['pooled'], 'logits'),
    ],
    output: [{ name: 'logits' }],
  });
}

/** Patches of 16 pixels as tokens of 3 numbers behind a class token and `registers` more: `tokens` [b, n, 3]. */
export function patches(registers: number, size = 64): string {
  return written({
    input: [input('images', ['b', 3, size, size])],
    initializer: [
      floats(
        'patch.weight',
        [3, 3, 16, 16],
        Array.from({ length: 3 * 3 * 256 }, (_, at) => (1 + Math.floor(at / 768)) / 768),
      ),
      integers('flat', [0, 3, -1]),
      floats(
        'first',
        [1, 1 + registers, 3],
        Array.from({ length: 3 * (1 + registers) }, () => 99),
      ),
      integers('one', [1]),
      integers('rest', [1 + registers, 3]),
      integers('zero', [0]),
    ],
    node: [
      node('Conv', ['images', 'patch.weight'], 'map', { kernel_shape: [16, 16], strides: [16, 16] }),
      node('Reshape', ['map', 'flat'], 'flattened'),
      node('Transpose', ['flattened'], 'plain', { perm: [0, 2, 1] }),
      node('Shape', ['images'], 'sizes'),
      node('Slice', ['sizes', 'zero', 'one'], 'batch'),
      node('Concat', ['batch', 'rest'], 'wanted', { axis: 0 }),
      node('Expand', ['first', 'wanted'], 'firsts'),
      node('Concat', ['firsts', 'plain'], 'tokens', { axis: 1 }),
    ],
    output: [{ name: 'tokens' }],
  });
}
