import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { ExportedModel } from '@kd/core';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataType,
  type ValueInfoProtoSchema,
} from 'onnx-buf';
import type { OnnxBuilder } from './builder.js';

export interface OnnxTensor {
  readonly name: string;
  /** A number, or the name of an axis that may change. */
  readonly axes: readonly (number | string)[];
  readonly type?: 'float32' | 'int64' | 'uint8';
}

const TYPES = {
  float32: TensorProto_DataType.FLOAT,
  int64: TensorProto_DataType.INT64,
  uint8: TensorProto_DataType.UINT8,
} as const;

const OPSET = 17n;
/** The version of the format that came with this opset. */
const IR_VERSION = 8n;

/** The bytes of an ONNX file. */
export function modelBytes(
  { nodes, constants }: Pick<OnnxBuilder, 'nodes' | 'constants'>,
  inputs: readonly OnnxTensor[],
  outputs: readonly OnnxTensor[],
  about: ExportedModel,
): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: OPSET })],
    producerName: '@kd/export',
    metadataProps: [create(StringStringEntryProtoSchema, { key: 'kd', value: JSON.stringify(about) })],
    graph: create(GraphProtoSchema, {
      name: about.detector,
      node: [...nodes],
      initializer: [...constants],
      input: inputs.map(valueInfo),
      output: outputs.map(valueInfo),
    }),
  });
  return toBinary(ModelProtoSchema, model);
}

const valueInfo = ({ name, axes, type = 'float32' }: OnnxTensor): MessageInitShape<typeof ValueInfoProtoSchema> => ({
  name,
  type: {
    value: {
      case: 'tensorType',
      value: {
        elemType: TYPES[type],
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
