/** Numbers of 64 bits with a shape: what references are computed with. */
export interface Nd {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** [i, j, …] of the k-th element. */
function placeOf(k: number, shape: readonly number[]): number[] {
  const place = shape.map(() => 0);
  for (let axis = shape.length - 1, rest = k; axis >= 0; axis--) {
    place[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return place;
}

export const at = ({ shape, values }: Nd, place: readonly number[]): number =>
  values[place.reduce((k, i, axis) => k * shape[axis]! + i, 0)]!;

/** An array from a function of the place. */
export const nd = (shape: readonly number[], f: (place: number[], k: number) => number): Nd => ({
  shape,
  values: Array.from({ length: sizeOf(shape) }, (_, k) => f(placeOf(k, shape), k)),
});

/** f of the elements of several arrays, of broadcast shapes. */
export function mapped(f: (...values: number[]) => number, ...of: readonly Nd[]): Nd {
  const rank = Math.max(...of.map(({ shape }) => shape.length));
  const padded = of.map(({ shape, values }) => ({
    values,
    shape: [...new Array<number>(rank - shape.length).fill(1), ...shape],
  }));
  const shape = Array.from({ length: rank }, (_, axis) => {
    const sizes = padded.map((one) => one.shape[axis]!);
    return sizes.find((size) => size !== 1) ?? 1;
  });
  return nd(shape, (place) =>
    f(
      ...padded.map((one) =>
        at(
          one,
          place.map((i, axis) => (one.shape[axis] === 1 ? 0 : i)),
        ),
      ),
    ),
  );
}

/** f of all elements along some axes, which are gone after that. */
export function reduced(x: Nd, axes: readonly number[], f: (values: number[]) => number): Nd {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const inner = axes.map((axis) => x.shape[axis]!);
  return nd(
    kept.map((axis) => x.shape[axis]!),
    (place) =>
      f(
        Array.from({ length: sizeOf(inner) }, (_, k) => {
          const within = placeOf(k, inner);
          return at(
            x,
            x.shape.map((_, axis) => (axes.includes(axis) ? within[axes.indexOf(axis)]! : place[kept.indexOf(axis)]!)),
          );
        }),
      ),
  );
}
