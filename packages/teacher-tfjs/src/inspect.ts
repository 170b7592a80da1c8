import { FREE_SIZE, KdError } from '@kd/core';
import { type FoundMap, mapsOf } from './find-maps.js';
import { inStep, openNetwork, RUN } from './open-network.js';

export interface TfjsMap extends FoundMap {
  /** The last map of its stride, of a stride that detectors read. */
  readonly fits: boolean;
}

export interface TfjsInspection {
  readonly file: string;
  readonly kind: 'graph' | 'layers';
  /** Shape of its input, null where any size will do. */
  readonly input: readonly (number | null)[];
  readonly layout: 'nhwc' | 'nchw';
  /** [height, width] of the image that sizes were found with. */
  readonly size: readonly [number, number];
  /** The fitting ones first, then the others, each in the order of the network. */
  readonly maps: readonly TfjsMap[];
}

/**
 * Lists the maps of a model of TensorFlow.js, found with one grey image on the backend that is set.
 * @param model its folder, or the JSON in it
 * @param size [height, width] of the image to try, where the model leaves that open
 * @throws KdError TEACHER_INVALID
 */
export async function inspectTfjs(model: string, size?: readonly [number, number]): Promise<TfjsInspection> {
  const { file, kind, network } = await openNetwork(model);
  try {
    const { input, names } = network;
    if (input.length !== 4)
      throw new KdError(
        'TEACHER_INVALID',
        `${file} reads [${input.join(', ')}], and no images [b, h, w, 3]. Take a model of images.`,
      );
    const layout = input[1] === 3 && input[3] !== 3 ? 'nchw' : 'nhwc';
    const [height, width] = layout === 'nchw' ? [input[2], input[3]] : [input[1], input[2]];
    const tried = [height ?? size?.[0] ?? FREE_SIZE, width ?? size?.[1] ?? FREE_SIZE] as const;
    const found = await inStep(file, RUN, () => mapsOf(network, names, { size: tried, layout }));
    const last = new Map(found.map(({ stride, name }) => [stride, name]));
    const maps = found.map((map) => ({ ...map, fits: map.stride >= 2 && last.get(map.stride) === map.name }));
    return {
      ...{ file, kind, input, layout, size: tried },
      maps: [...maps.filter(({ fits }) => fits), ...maps.filter(({ fits }) => !fits)],
    };
  } finally {
    network.dispose();
  }
}
