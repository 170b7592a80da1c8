import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProto_DataType } from 'onnx-buf';
import type { ExportedModel } from '../src/exported-model.js';

const rule = {
  minSize: [8],
  maxSize: 16,
  fixedSize: null,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  sizeDivisible: 8,
} as const;

/** What a model says of itself whose one map of class logits is its input averaged over cells of 8 x 8. */
export const info: ExportedModel = {
  format: 1,
  detector: 'toy',
  classes: ['red', 'green', 'blue'],
  input: { layout: 'nchw', dtype: 'float32', size: null, batch: 1, rule },
  outputs: 'maps',
  strides: [8],
  post: {
    kind: 'dense',
    maps: { cls: 'cls', reg: 'reg' },
    classes: 3,
    priorsPerCell: 1,
    priors: { cells: [[[0, 0, 8, 8]]], strides: [[8, 8]] },
    boxes: { code: 'distance', unit: 'pixels' },
    flavour: 'torchvision',
    scoreThresh: 0.5,
    nmsThresh: 0.5,
    detectionsPerImg: 10,
    topkCandidates: 10,
  },
};

const node = (opType: string, input: string[], output: string, ints: Record<string, number[]> = {}) => ({
  opType,
  input,
  output: [output],
  attribute: Object.entries(ints).map(([name, values]) => ({ name, type: 7, ints: values.map(BigInt) })),
});

/** A model of ONNX: `cls` is the average of each cell in RGB less 100, `reg` of the distances 4 to every side. */
export function toyModel(metadata: Readonly<Record<string, string>> = { kd: JSON.stringify(info) }): Uint8Array {
  const value = (name: string, dims: readonly (number | string)[]) => ({
    name,
    type: {
      value: {
        case: 'tensorType' as const,
        value: {
          elemType: TensorProto_DataType.FLOAT,
          shape: {
            dim: dims.map((dim) => ({
              value:
                typeof dim === 'number'
                  ? { case: 'dimValue' as const, value: BigInt(dim) }
                  : { case: 'dimParam' as const, value: dim },
            })),
          },
        },
      },
    },
  });
  const floats = (name: string, dims: number[], values: number[]) => ({
    name,
    dims: dims.map(BigInt),
    dataType: TensorProto_DataType.FLOAT,
    rawData: new Uint8Array(Float32Array.from(values).buffer),
  });
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: '', version: 17n }],
      metadataProps: Object.entries(metadata).map(([key, text]) => ({ key, value: text })),
      graph: {
        name: 'toy',
        input: [value('images', [1, 3, 'h', 'w'])],
        output: [value('cls@p3', [1, 'y', 'x', 3]), value('reg@p3', [1, 'y', 'x', 4])],
        initializer: [
          floats('hundred', [1], [100]),
          floats('none', [4, 3, 1, 1], new Array<number>(12).fill(0)),
          floats('four', [4], [4, 4, 4, 4]),
        ],
        node: [
          node('AveragePool', ['images'], 'mean', { kernel_shape: [8, 8], strides: [8, 8] }),
          node('Sub', ['mean', 'hundred'], 'logits'),
          node('Transpose', ['logits'], 'cls@p3', { perm: [0, 2, 3, 1] }),
          node('Conv', ['mean', 'none', 'four'], 'distances', { kernel_shape: [1, 1] }),
          node('Transpose', ['distances'], 'reg@p3', { perm: [0, 2, 3, 1] }),
        ],
      },
    }),
  );
}
