import { FREE_SIZE } from '@kd/core';
import { listMaps, type ListedMap } from './maps/list-maps.js';
import { type ImageInput, imageInput } from './model/image-input.js';
import { openModel } from './model/open-model.js';

export interface Inspection {
  readonly file: string;
  /** The program that wrote the file. */
  readonly producer: string;
  readonly opset: number;
  readonly input: ImageInput;
  /** [height, width] of the image that sizes were found with. */
  readonly size: readonly [number, number];
  /** The fitting ones first, then the others, each in the order of the network. */
  readonly maps: readonly ListedMap[];
  readonly notes: readonly string[];
}

/**
 * Lists the maps of a file of ONNX: every tensor that an image alone leads to and that covers it cell by cell.
 * @param size [height, width] of the image to try, where the file leaves that open
 * @throws KdError TEACHER_INVALID, PLUGIN_INVALID without onnxruntime-node
 */
export async function inspectOnnx(file: string, size?: readonly [number, number]): Promise<Inspection> {
  const model = await openModel(file);
  const input = imageInput(model);
  const tried = [input.height ?? size?.[0] ?? FREE_SIZE, input.width ?? size?.[1] ?? FREE_SIZE] as const;
  const { maps, foreign, inputs } = await listMaps(model, input, tried);
  const { producerName, producerVersion, opsetImport } = model.proto;
  return {
    file,
    producer: [producerName, producerVersion].filter((one) => one !== '').join(' '),
    opset: Number(opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 0n),
    input,
    size: tried,
    maps: [...maps.filter((one) => one.fits), ...maps.filter((one) => !one.fits)],
    notes: [
      ...foreign.map((op) => `onnxruntime has no op ${op}: what stands behind it is left out`),
      ...(inputs.length === 0
        ? []
        : [`what also reads ${inputs.join(', ')} is left out: a teacher is given images alone`]),
    ],
  };
}
