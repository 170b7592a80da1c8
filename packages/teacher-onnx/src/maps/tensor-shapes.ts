import { create } from '@bufbuild/protobuf';
import { NodeProtoSchema, type ValueInfoProto, ValueInfoProtoSchema } from 'onnx-buf';
import type { Tensor } from 'onnxruntime-node';
import { fixed, type ImageInput, inputShape } from '../model/image-input.js';
import { withGraph } from '../model/cut.js';
import type { OnnxModel } from '../model/onnx-model.js';
import { teacherError } from '../model/teacher-error.js';
import { onnxruntime, ownWords, session } from '../runtime.js';
import { zeroImage } from './zero-image.js';

export interface TensorShape {
  readonly dtype: string;
  readonly shape: readonly number[];
}

/**
 * Shapes of tensors of a model for images of one size: those that onnxruntime infers, and where it cannot, those of a
 * run on an image of zeros that fetches nothing but shapes. What is no tensor is left out.
 * @throws KdError TEACHER_INVALID where the model does not run with that size
 */
export async function tensorShapes(
  model: OnnxModel,
  input: ImageInput,
  [height, width]: readonly [number, number],
  names: readonly string[],
): Promise<Map<string, TensorShape>> {
  const sizes = inputShape(input, input.batch ?? 1, height, width);
  const sized = fixed(model, input, sizes);
  const inferring = await session(
    withGraph(sized, { output: names.map((name) => create(ValueInfoProtoSchema, { name })) }),
    { graphOptimizationLevel: 'disabled' },
  );
  const shapes = new Map<string, TensorShape>();
  const open: string[] = [];
  for (const meta of inferring.outputMetadata) {
    if (!meta.isTensor) continue;
    const known = meta.shape.every((size) => typeof size === 'number') && meta.shape.length > 0;
    shapes.set(meta.name, { dtype: meta.type, shape: known ? (meta.shape as readonly number[]) : [] });
    if (!known && meta.type.startsWith('float')) open.push(meta.name);
  }
  await inferring.release();
  if (open.length === 0) return shapes;
  const run = await ranShapes(sized, input, sizes, open);
  for (const [name, shape] of run) shapes.set(name, { ...shapes.get(name)!, shape });
  return shapes;
}

async function ranShapes(
  model: OnnxModel,
  input: ImageInput,
  sizes: readonly number[],
  names: readonly string[],
): Promise<Map<string, readonly number[]>> {
  const asked = names.map((name, index) => ({ name, output: `kd.shape.${index}` }));
  const node = asked.map(({ name, output }) =>
    create(NodeProtoSchema, { opType: 'Shape', input: [name], output: [output] }),
  );
  const output: ValueInfoProto[] = asked.map(({ output: name }) => create(ValueInfoProtoSchema, { name }));
  const running = await session(withGraph(model, { node: [...model.graph.node, ...node], output }), {
    graphOptimizationLevel: 'disabled',
  });
  try {
    const { Tensor: OrtTensor } = await onnxruntime();
    const found = await running.run({ [input.name]: zeroImage(OrtTensor, input.dtype, sizes) });
    return new Map(asked.map(({ name, output: key }) => [name, Array.from(bigints(found[key]!), Number)]));
  } catch (cause) {
    throw teacherError(
      model.file,
      `it does not run on an image of ${sizes.join(' × ')} (${input.layout}): ${ownWords(cause)}`,
      'Give images of the size that it was exported for (kd teacher inspect --size), or export it again with axes that may change.',
      cause,
    );
  } finally {
    await running.release();
  }
}

const bigints = (tensor: Tensor): BigInt64Array => tensor.data as BigInt64Array;
