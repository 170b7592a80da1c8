import type { HostTensor } from '@kd/core';
import type { TensorData } from '../dtypes.js';
import { lazyTensor, passingData } from './lazy-tensor.js';

/**
 * Transposes as `np.transpose(x, axes)` does: side i of the result is side `axes[i]` of the tensor. The values are
 * moved when they are read.
 */
export function permute(tensor: HostTensor, axes: readonly number[]): HostTensor {
  const { shape } = tensor;
  return lazyTensor(
    tensor,
    axes.map((axis) => shape[axis]!),
    () => moved(passingData(tensor), shape, axes),
  );
}

/** Sides of 1 fall away and neighbours that stay neighbours are one side, which leaves two or three to walk over. */
function moved(data: TensorData, shape: readonly number[], axes: readonly number[]): TensorData {
  const { sides, steps } = walk(shape, axes);
  const result = new (data.constructor as new (length: number) => TensorData)(data.length);
  const inner: Inner = {
    sides: [sides.at(-3) ?? 1, sides.at(-2) ?? 1, sides.at(-1) ?? 1],
    steps: [steps.at(-3) ?? 0, steps.at(-2) ?? 0, steps.at(-1) ?? 0],
  };
  const size = inner.sides.reduce((product, side) => product * side, 1);
  // By their bits, whatever they stand for; most weights have four bytes.
  const [from, to] = [data, result].map(wordsOf);
  const before = sides.slice(0, -3);
  const position = before.map(() => 0);
  let at = 0;
  do {
    const start = position.reduce((sum, place, axis) => sum + place * steps[axis]!, 0);
    if (from !== undefined && to !== undefined) moveWords(from, start, to, at, inner);
    else moveAny(data, start, result, at, inner);
    at += size;
  } while (next(position, before));
  return result;
}

/** The last three sides of the result, and how far apart their elements lie in the tensor. */
interface Inner {
  readonly sides: readonly [number, number, number];
  readonly steps: readonly [number, number, number];
}

const wordsOf = ({ buffer, byteOffset, length, BYTES_PER_ELEMENT: bytes }: TensorData): Uint32Array | undefined =>
  bytes === 4 ? new Uint32Array(buffer as ArrayBuffer, byteOffset, length) : undefined;

/** Elements on a side of a tile: what is read across its rows stays in the cache. */
const TILE = 32;

/** A loop for one kind of array alone takes a tenth of the time of one that meets them all. */
function moveWords(from: Uint32Array, start: number, to: Uint32Array, at: number, { sides, steps }: Inner): void {
  const [outer, middle, inner] = sides;
  const [a, b, c] = steps;
  for (let rows = 0; rows < middle; rows += TILE)
    for (let columns = 0; columns < inner; columns += TILE) {
      const [lastRow, lastColumn] = [Math.min(rows + TILE, middle), Math.min(columns + TILE, inner)];
      for (let i = 0; i < outer; i++)
        for (let j = rows; j < lastRow; j++) {
          let source = start + i * a + j * b + columns * c;
          const row = at + (i * middle + j) * inner;
          for (let k = row + columns; k < row + lastColumn; k++, source += c) to[k] = from[source]!;
        }
    }
}

function moveAny(from: TensorData, start: number, to: TensorData, at: number, { sides, steps }: Inner): void {
  const [outer, middle, inner] = sides;
  const [a, b, c] = steps;
  let place = at;
  for (let i = 0; i < outer; i++)
    for (let j = 0; j < middle; j++) for (let k = 0; k < inner; k++) to[place++] = from[start + i * a + j * b + k * c]!;
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
