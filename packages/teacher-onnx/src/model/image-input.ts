import { create } from '@bufbuild/protobuf';
import { KdError, shown } from '@kd/core';
import { TensorProto_DataType, TensorShapeProto_DimensionSchema, type ValueInfoProto } from 'onnx-buf';
import type { OnnxModel } from './onnx-model.js';
import { teacherError } from './teacher-error.js';
import { withGraph } from './cut.js';

export type ImageLayout = 'NCHW' | 'NHWC';
export type ImageType = 'float32' | 'float16' | 'uint8';

/** Where images go into a model. */
export interface ImageInput {
  readonly name: string;
  readonly layout: ImageLayout;
  readonly dtype: ImageType;
  /** Images at once, where the file fixes that; null where any number goes. */
  readonly batch: number | null;
  readonly height: number | null;
  readonly width: number | null;
}

const DTYPES = new Map<number, ImageType>([
  [TensorProto_DataType.FLOAT, 'float32'],
  [TensorProto_DataType.FLOAT16, 'float16'],
  [TensorProto_DataType.UINT8, 'uint8'],
]);

/**
 * Finds the input for images: of four axes, three of them channels, of a type that images can have.
 * @param name where several could be meant
 * @param layout where the file does not tell
 * @throws KdError TEACHER_INVALID
 */
export function imageInput(model: OnnxModel, name?: string, layout?: ImageLayout): ImageInput {
  const constants = new Set(model.graph.initializer.map((one) => one.name));
  const inputs = model.graph.input.filter((one) => !constants.has(one.name));
  const meant = name === undefined ? inputs : inputs.filter((one) => one.name === name);
  const found = meant.flatMap((one) => read(one, layout) ?? []);
  if (found.length === 1) return found[0]!;
  const all = inputs.map((one) => `${shown(one.name)} ${axesText(one)}`).join(', ') || 'none';
  if (name !== undefined && meant.length === 0)
    throw new KdError('TEACHER_INVALID', `${model.file} has no input ${shown(name)}. Its inputs: ${all}.`);
  throw teacherError(
    model.file,
    found.length === 0
      ? `no input takes images: [b, 3, h, w] or [b, h, w, 3], float32, float16 or uint8. Its inputs: ${all}`
      : `more than one input could take the images: ${all}`,
    found.length === 0 ? 'Take a network on images of three channels.' : 'Say which in input.name.',
  );
}

/** Null where it cannot take images. */
function read(input: ValueInfoProto, wanted: ImageLayout | undefined): ImageInput | null {
  if (input.type?.value.case !== 'tensorType') return null;
  const dtype = DTYPES.get(input.type.value.value.elemType);
  const axes = axesOf(input);
  if (dtype === undefined || axes === null || axes.length !== 4) return null;
  const fits = (at: number): boolean => axes[at] === 3 || axes[at] === null;
  // An axis of three channels tells; axes without a size fit both, and ONNX itself has NCHW.
  const layout = (wanted === 'NHWC' ? (['NHWC', 'NCHW'] as const) : (['NCHW', 'NHWC'] as const))
    .filter((one) => fits(channelAxis(one)))
    .toSorted((a, b) => Number(axes[channelAxis(b)] === 3) - Number(axes[channelAxis(a)] === 3))[0];
  if (layout === undefined) return null;
  const [batch, height, width] = layout === 'NCHW' ? [axes[0], axes[2], axes[3]] : [axes[0], axes[1], axes[2]];
  return { name: input.name, layout, dtype, batch: batch ?? null, height: height ?? null, width: width ?? null };
}

const channelAxis = (layout: ImageLayout): number => (layout === 'NCHW' ? 1 : 3);

/** Null where the file says nothing of the axes; an axis without a fixed size is null. */
function axesOf({ type }: ValueInfoProto): (number | null)[] | null {
  const shape = type?.value.case === 'tensorType' ? type.value.value.shape : undefined;
  if (shape === undefined) return null;
  return shape.dim.map(({ value }) => (value.case === 'dimValue' && value.value > 0n ? Number(value.value) : null));
}

const axesText = (input: ValueInfoProto): string =>
  `[${
    axesOf(input)
      ?.map((one) => one ?? '?')
      .join(', ') ?? '?'
  }]`;

/** Sizes of an input's axes, in its layout. */
export const inputShape = (
  { layout }: ImageInput,
  batch: number,
  height: number,
  width: number,
): [number, number, number, number] => (layout === 'NCHW' ? [batch, 3, height, width] : [batch, height, width, 3]);

/** The model with the sizes of its image input fixed, so that onnxruntime can find those of what stands behind it. */
export function fixed(model: OnnxModel, input: ImageInput, sizes: readonly number[]): OnnxModel {
  return withGraph(model, {
    input: model.graph.input.map((one) => (one.name === input.name ? resized(one, sizes) : one)),
  });
}

function resized(input: ValueInfoProto, sizes: readonly number[]): ValueInfoProto {
  if (input.type?.value.case !== 'tensorType') return input;
  const dim = sizes.map((size) =>
    create(TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value: BigInt(size) } }),
  );
  const { shape } = input.type.value.value;
  return {
    ...input,
    type: {
      ...input.type,
      value: {
        case: 'tensorType',
        value: { ...input.type.value.value, ...(shape === undefined ? {} : { shape: { ...shape, dim } }) },
      },
    },
  };
}
