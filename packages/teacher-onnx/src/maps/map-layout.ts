import { strideOf } from './stride.js';
import { tokenGrid } from './token-grid.js';

export type MapLayout = 'NCHW' | 'NHWC' | 'tokens';

/** How a tensor is read as a map of the image. */
export interface MapInfo {
  readonly layout: MapLayout;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Pixels of the image per cell. */
  readonly stride: number;
  /** Of tokens: how many come before those of the patches. */
  readonly skip: number;
}

/** What a person says of a tensor whose shape does not tell how it is read. */
export interface MapReading {
  readonly layout?: Lowercase<MapLayout> | undefined;
  readonly skip?: number | undefined;
  readonly stride?: number | undefined;
}

/**
 * Reads a shape as that of a map: [b, c, h, w], [b, h, w, c], or tokens [b, n, c]. Where two readings fit, the first
 * of these. Null for what is none.
 * @param image [height, width]
 * @param wanted the reading that the person asks for, and how many tokens come first
 */
export function readMap(
  shape: readonly number[],
  image: readonly [number, number],
  { layout, skip, stride }: MapReading = {},
): MapInfo | null {
  const [, second = 0, third = 0, fourth = 0] = shape;
  const readings: Record<Lowercase<MapLayout>, () => MapInfo | null> = {
    nchw: () => (shape.length === 4 ? plane('NCHW', second, [third, fourth], image, stride) : null),
    nhwc: () => (shape.length === 4 ? plane('NHWC', fourth, [second, third], image, stride) : null),
    tokens: () => {
      const grid = shape.length === 3 ? tokenGrid(second, image, { skip, stride }) : null;
      return grid === null || third < 2 ? null : { layout: 'tokens', channels: third, ...grid };
    },
  };
  const order = layout === undefined ? (['nchw', 'nhwc', 'tokens'] as const) : [layout];
  return order.map((one) => readings[one]()).find((found) => found !== null) ?? null;
}

function plane(
  layout: MapLayout,
  channels: number,
  map: readonly [number, number],
  image: readonly [number, number],
  said: number | undefined,
): MapInfo | null {
  const stride = said === undefined ? strideOf(image, map) : near(image, map, said);
  return stride === null ? null : { layout, channels, height: map[0], width: map[1], stride, skip: 0 };
}

/** A stride that a person says must be true to one cell, as for every teacher. */
const near = (image: readonly number[], map: readonly number[], stride: number): number | null =>
  map.every((size, axis) => Math.abs(size - image[axis]! / stride) <= 1) ? stride : null;
