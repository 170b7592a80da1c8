import { create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  TensorProto_DataType,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import type { MapLayout } from '../maps/map-layout.js';
import { cut, withGraph } from './cut.js';
import type { ImageInput } from './image-input.js';
import type { OnnxModel } from './onnx-model.js';

/** A tensor that becomes an output. */
export interface TapTensor {
  readonly tensor: string;
  readonly layout: MapLayout;
  readonly dtype: string;
}

/** Name of the output that a tensor leaves by. */
export const outputName = (index: number): string => `kd.tap.${index}`;

/**
 * The part of a model that some tensors are computed by. It reads float32 and gives float32, with the channels last:
 * onnxruntime joins a transposition to the layout that its convolutions work in, where one behind it is a pass of its
 * own over each map.
 */
export function asTaps(model: OnnxModel, input: ImageInput, taps: readonly TapTensor[]): OnnxModel {
  const part = cut(
    model,
    taps.map(({ tensor }) => tensor),
  );
  const images = input.dtype === 'float32' ? null : castImages(part, input);
  return withGraph(part, {
    ...(images === null ? {} : { input: images.input }),
    node: [...(images?.node ?? []), ...part.graph.node, ...taps.flatMap(leaving)],
    output: taps.map((_, index) => floats(outputName(index))),
  });
}

/** A float input under another name; bytes are the nearest ones. */
function castImages({ graph }: OnnxModel, { name, dtype }: ImageInput): { input: ValueInfoProto[]; node: NodeProto[] } {
  const to = dtype === 'uint8' ? TensorProto_DataType.UINT8 : TensorProto_DataType.FLOAT16;
  const steps =
    dtype === 'uint8'
      ? [op('Round', IMAGES, 'kd.rounded'), op('Cast', 'kd.rounded', name, { to })]
      : [op('Cast', IMAGES, name, { to })];
  return {
    input: graph.input.map((one) =>
      one.name !== name || one.type?.value.case !== 'tensorType'
        ? one
        : create(ValueInfoProtoSchema, {
            name: IMAGES,
            type: create(TypeProtoSchema, {
              value: {
                case: 'tensorType',
                value: { ...one.type.value.value, elemType: TensorProto_DataType.FLOAT },
              },
            }),
          }),
    ),
    node: steps,
  };
}

const IMAGES = 'kd.images';

/** The name that images are fed under. */
export const feedName = ({ name, dtype }: ImageInput): string => (dtype === 'float32' ? name : IMAGES);

/** What stands between a tensor and the output that it leaves by. */
function leaving({ tensor, layout, dtype }: TapTensor, index: number): NodeProto[] {
  const nodes: NodeProto[] = [];
  let name = tensor;
  const step = (opType: string, attributes: Readonly<Record<string, number | readonly number[]>>): void => {
    const next = `kd.${opType}.${index}`;
    nodes.push(op(opType, name, next, attributes));
    name = next;
  };
  if (dtype !== 'float32') step('Cast', { to: TensorProto_DataType.FLOAT });
  if (layout === 'NCHW') step('Transpose', { perm: [0, 2, 3, 1] });
  nodes.push(op('Identity', name, outputName(index)));
  return nodes;
}

const op = (
  opType: string,
  from: string,
  to: string,
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
): NodeProto =>
  create(NodeProtoSchema, {
    opType,
    name: to,
    input: [from],
    output: [to],
    attribute: Object.entries(attributes).map(([name, value]) =>
      typeof value === 'number'
        ? create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) })
        : create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) }),
    ),
  });

const floats = (name: string): ValueInfoProto =>
  create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: TensorProto_DataType.FLOAT } } },
  });
