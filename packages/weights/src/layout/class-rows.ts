import type { HostTensor } from '@kd/core';
import type { TensorData } from '../dtypes.js';
import type { ClassRows } from '../names/name-map.js';
import { compileTemplate } from '../names/template.js';
import { splitName } from '../names/translate.js';
import { lazyTensor } from './lazy-tensor.js';

type Reorder = (name: string, tensor: HostTensor) => HostTensor;

/**
 * Rows of class and box layers in torch's layout, [rows, …], of a program that has the background last, in
 * torchvision's order: the background first, and four rows of zeros for its box, which nothing reads.
 * @param rowsOf of a tensor of the file
 * @param wantedOf rows that the model has, where it is known: four boxes of one class, or one box for all?
 */
export const backgroundFirst = (
  rows: ClassRows,
  rowsOf: (name: string) => number | undefined,
  wantedOf: (name: string) => number | undefined,
): Reorder =>
  reorder(rows, rowsOf, {
    classes: (tensor, count) =>
      takeRows(tensor, [
        [count - 1, count],
        [0, count - 1],
      ]),
    boxes(tensor, count, classes, name) {
      if (count !== 4 * (classes - 1)) return tensor;
      const shared = count === 4 && (rows.oneBox === true ? wantedOf(name) !== 8 : wantedOf(name) === 4);
      return shared ? tensor : takeRows(tensor, [null, [0, count]]);
    },
  });

/** The inverse: the box of the background is left out. */
export const backgroundLast = (rows: ClassRows, rowsOf: (name: string) => number | undefined): Reorder =>
  reorder(rows, rowsOf, {
    classes: (tensor, count) =>
      takeRows(tensor, [
        [1, count],
        [0, 1],
      ]),
    boxes: (tensor, count, classes) => (count === 4 * classes ? takeRows(tensor, [[4, count]]) : tensor),
  });

function reorder(
  { classes, boxes }: ClassRows,
  rowsOf: (name: string) => number | undefined,
  by: {
    readonly classes: (tensor: HostTensor, count: number) => HostTensor;
    readonly boxes: (tensor: HostTensor, count: number, classes: number, name: string) => HostTensor;
  },
): Reorder {
  const none = new Map<string, number>();
  const [ofClasses, ofBoxes] = [compileTemplate(classes, none), compileTemplate(boxes, none)];
  return (name, tensor) => {
    const [layer] = splitName(name);
    const count = tensor.shape[0];
    if (count === undefined || count < 2) return tensor;
    if (ofClasses.match(layer) !== undefined) return by.classes(tensor, count);
    const places = ofBoxes.match(layer);
    if (places === undefined) return tensor;
    const logits = rowsOf(`${ofClasses.fill(places)}.weight`) ?? rowsOf(`${ofClasses.fill(places)}.bias`);
    return logits === undefined ? tensor : by.boxes(tensor, count, logits, name);
  };
}

/** Ranges of rows one after the other; null is four rows of zeros. */
function takeRows(tensor: HostTensor, parts: readonly (readonly [number, number] | null)[]): HostTensor {
  const [, ...sides] = tensor.shape;
  const row = sides.reduce((product, side) => product * side, 1);
  const counts = parts.map((part) => (part === null ? 4 : part[1] - part[0]));
  const total = counts.reduce((sum, count) => sum + count, 0);
  return lazyTensor(tensor, [total, ...sides], () => {
    const { data } = tensor;
    const result = new (data.constructor as new (length: number) => TensorData)(total * row);
    let to = 0;
    parts.forEach((part, i) => {
      // A typed array of one kind into another of the same: TypeScript cannot tell that they are.
      if (part !== null)
        (result as Float32Array).set((data as Float32Array).subarray(part[0] * row, part[1] * row), to);
      to += counts[i]! * row;
    });
    return result;
  });
}
