import { producersOf, withGraph } from '../model/cut.js';
import type { ImageInput } from '../model/image-input.js';
import type { OnnxModel } from '../model/onnx-model.js';
import { reachable } from '../model/reachable.js';
import { type MapInfo, type MapReading, readMap } from './map-layout.js';
import { stageEnds } from './stage-ends.js';
import { type TensorShape, tensorShapes } from './tensor-shapes.js';

/** A tensor of a file that can be a tap. */
export interface ListedMap extends MapInfo {
  readonly tensor: string;
  /** The op that computes it. */
  readonly op: string;
  readonly dtype: string;
  /** The last map of its stride before the network goes on to a coarser one, of a stride that detectors read. */
  readonly fits: boolean;
}

export interface MapList {
  /** In the order of the network. */
  readonly maps: readonly ListedMap[];
  /** Ops that onnxruntime lacks, and inputs besides the images: what they lead to is left out. */
  readonly foreign: readonly string[];
  readonly inputs: readonly string[];
  /** Of every tensor that was looked at, maps or not. */
  readonly shapes: ReadonlyMap<string, TensorShape>;
}

const FLOATS: ReadonlySet<string> = new Set(['float32', 'float16', 'float64']);

/**
 * Every tensor that an image alone leads to and that covers it cell by cell.
 * @param size [height, width] of the image
 * @param only these tensors
 * @param readings what the person says of single tensors
 * @throws KdError TEACHER_INVALID where the model does not run
 */
export async function listMaps(
  model: OnnxModel,
  input: ImageInput,
  size: readonly [number, number],
  {
    only,
    readings = {},
  }: { readonly only?: readonly string[]; readonly readings?: Readonly<Record<string, MapReading>> } = {},
): Promise<MapList> {
  const { nodes, tensors, foreign, inputs } = reachable(model, input);
  const part = withGraph(model, {
    node: [...nodes],
    input: model.graph.input.filter(({ name }) => !inputs.includes(name)),
  });
  const wanted = only === undefined ? tensors : tensors.filter((name) => only.includes(name));
  const shapes = await tensorShapes(part, input, size, wanted);
  const producers = producersOf(nodes);
  const all = wanted.flatMap((tensor) => {
    const { dtype, shape } = shapes.get(tensor) ?? { dtype: '', shape: [] };
    const said = Object.hasOwn(readings, tensor) ? readings[tensor] : undefined;
    const map = FLOATS.has(dtype) ? readMap(shape, size, said) : null;
    return map === null || (map.stride < 2 && said === undefined)
      ? []
      : [{ tensor, op: producers.get(tensor)!.opType, dtype, ...map }];
  });
  const ends = stageEnds(all);
  return { maps: all.map((one) => ({ ...one, fits: ends.has(one) })), foreign, inputs, shapes };
}
