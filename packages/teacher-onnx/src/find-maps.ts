import { KdError, suggestion } from '@kd/core';
import { listMaps, type ListedMap, type MapList } from './maps/list-maps.js';
import { producersOf } from './model/cut.js';
import type { ImageInput } from './model/image-input.js';
import type { OnnxModel } from './model/onnx-model.js';
import type { OnnxOptions } from './options.js';

/**
 * The maps that taps are chosen among. Where every tap is named in full these alone are looked at; without the option
 * `taps` it is the last map of each stage.
 * @throws KdError TAP_UNKNOWN, and TEACHER_INVALID for a tensor that is no map, with its shape
 */
export async function findMaps(
  model: OnnxModel,
  input: ImageInput,
  size: readonly [number, number],
  { taps, maps: readings = {} }: OnnxOptions,
): Promise<readonly ListedMap[]> {
  if (taps === undefined) {
    const { maps } = await listMaps(model, input, size, { readings });
    const fitting = maps.filter(({ fits }) => fits);
    return fitting.length > 0 ? fitting : maps;
  }
  const patterns = Array.isArray(taps) ? (taps as readonly string[]) : Object.values(taps);
  if (patterns.some((pattern) => pattern.includes('*'))) return (await listMaps(model, input, size, { readings })).maps;
  const computed = producersOf(model.graph.node);
  for (const name of patterns) if (!computed.has(name)) throw unknownTensor(model, name, [...computed.keys()]);
  const list = await listMaps(model, input, size, { readings, only: patterns });
  for (const name of patterns)
    if (!list.maps.some(({ tensor }) => tensor === name)) throw noMap(model.file, name, size, list);
  return list.maps;
}

/** A name that stands for no tensor which a node computes. */
function unknownTensor({ file, graph }: OnnxModel, name: string, known: readonly string[]): KdError {
  const constant = graph.initializer.some((one) => one.name === name);
  const input = graph.input.some((one) => one.name === name);
  const why = input
    ? `"${name}" is an input of ${file}`
    : constant
      ? `"${name}" is a constant of ${file}, the same for every image`
      : `${file} computes no tensor "${name}"`;
  const meant = suggestion(name, known);
  return new KdError(
    'TAP_UNKNOWN',
    `${why}${meant === '' ? '.' : `; ${meant}`} A tap is the name of a tensor that a node computes: kd teacher inspect ${file} lists those that are maps.`,
  );
}

function noMap(
  file: string,
  name: string,
  size: readonly [number, number],
  { shapes, foreign, inputs }: MapList,
): KdError {
  const found = shapes.get(name);
  const lacking = [
    ...foreign.map((op) => `the op ${op}, which onnxruntime does not have`),
    ...inputs.map((one) => `the input ${one}, which is no image`),
  ];
  const why =
    found === undefined
      ? lacking.length === 0
        ? 'it does not depend on the image'
        : `it needs ${lacking.join(' or ')}`
      : `its shape is [${found.shape.join(', ')}] of ${found.dtype} for one image of ${size.join(' × ')}, which is neither [b, c, h, w], [b, h, w, c] nor tokens [b, n, c] of one stride`;
  return new KdError(
    'TEACHER_INVALID',
    `${file}: the tap "${name}" is no map of the image: ${why}. Choose another (kd teacher inspect ${file} lists them)${found === undefined ? '' : `, or say in maps: { "${name}": { layout, stride, skip } } how it is read`}.`,
  );
}
