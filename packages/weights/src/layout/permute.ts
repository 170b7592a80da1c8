import type { HostTensor } from '@kd/core';
import type { TensorData } from '../dtypes.js';
import { lazyTensor } from './lazy-tensor.js';

/**
 * Transposes as `np.transpose(x, axes)` does: side i of the result is side `axes[i]` of the tensor. The values are
 * moved when they are read.
 */
export function permute(tensor: HostTensor, axes: readonly number[]): HostTensor {
  const { shape } = tensor;
  return lazyTensor(
    tensor,
    axes.map((axis) => shape[axis]!),
    () => moved(tensor.data, shape, axes),
  );
}

/** Sides of 1 fall away and neighbours that stay neighbours are one side, which leaves two or three to walk over. */
function moved(data: TensorData, shape: readonly number[], axes: readonly number[]): TensorData {
  const { sides, steps } = walk(shape, axes);
  const result = new (data.constructor as new (length: number) => TensorData)(data.length);
  const [outer, middle, inner] = [sides.at(-3) ?? 1, sides.at(-2) ?? 1, sides.at(-1) ?? 1];
  const [a, b, c] = [steps.at(-3) ?? 0, steps.at(-2) ?? 0, steps.at(-1) ?? 0];
  const before = sides.slice(0, -3);
  let to = 0;
  const position = before.map(() => 0);
  do {
    const start = position.reduce((sum, at, axis) => sum + at * steps[axis]!, 0);
    for (let i = 0; i < outer; i++)
      for (let j = 0; j < middle; j++) {
        let from = start + i * a + j * b;
        for (let k = 0; k < inner; k++, from += c) result[to++] = data[from]!;
      }
  } while (next(position, before));
  return result;
}

function walk(shape: readonly number[], axes: readonly number[]): { sides: number[]; steps: number[] } {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, side) => product * side, 1));
  const sides: number[] = [];
  const steps: number[] = [];
  for (const axis of axes) {
    const [side, step] = [shape[axis]!, strides[axis]!];
    if (side === 1) continue;
    if (steps.length > 0 && steps.at(-1) === step * side) {
      sides[sides.length - 1]! *= side;
      steps[steps.length - 1] = step;
    } else {
      sides.push(side);
      steps.push(step);
    }
  }
  return { sides, steps };
}

/** Counts a position on; false behind the last. */
function next(position: number[], sides: readonly number[]): boolean {
  for (let axis = sides.length - 1; axis >= 0; axis--) {
    if (++position[axis]! < sides[axis]!) return true;
    position[axis] = 0;
  }
  return false;
}
