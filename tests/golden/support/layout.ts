/** Elements in row-major order with their shape. */
export interface Shaped {
  readonly values: ArrayLike<number>;
  readonly shape: readonly number[];
}

export interface Permuted {
  readonly values: Float32Array;
  readonly shape: number[];
}

/** Transposes as `np.transpose(x, axes)` does. */
export function permute({ values, shape }: Shaped, axes: readonly number[]): Permuted {
  if (axes.length !== shape.length)
    throw new Error(`a tensor of shape [${shape.join(', ')}] has not the ${axes.length} axes to permute`);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, side) => product * side, 1));
  const result = axes.map((axis) => shape[axis]!);
  const out = new Float32Array(values.length);
  const position = new Array<number>(axes.length).fill(0);
  for (let i = 0; i < out.length; i++) {
    let from = 0;
    for (let d = 0; d < axes.length; d++) from += position[d]! * strides[axes[d]!]!;
    out[i] = values[from]!;
    for (let d = axes.length - 1; d >= 0; d--) {
      if (++position[d]! < result[d]!) break;
      position[d] = 0;
    }
  }
  return { values: out, shape: result };
}

export const nchwToNhwc = (x: Shaped): Permuted => permute(x, [0, 2, 3, 1]);
export const nhwcToNchw = (x: Shaped): Permuted => permute(x, [0, 3, 1, 2]);
export const oihwToHwio = (x: Shaped): Permuted => permute(x, [2, 3, 1, 0]);
export const hwioToOihw = (x: Shaped): Permuted => permute(x, [3, 2, 0, 1]);
