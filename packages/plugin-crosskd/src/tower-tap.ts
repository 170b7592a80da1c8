import {
  type Detector,
  KdError,
  type ModelView,
  type Role,
  type StagedHead,
  type TapInfo,
  type TapRequests,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/** A feature of a tower behind `i` blocks at one level. */
export interface TowerTap {
  readonly channels: number;
  /** [b, h, w, channels] */
  read(view: ModelView): tf.Tensor4D;
}

export interface TapPoint {
  readonly branch: string;
  readonly level: number;
  /** Finished blocks; 0 is the level's map itself. */
  readonly i: number;
  readonly at: 'post' | 'pre';
  /** The level's map. */
  readonly neck: TapInfo;
}

/**
 * Finds the cheapest way to a feature of a tower. A head that says which tap is which block has computed it already; of
 * any other head
 * the blocks are run once more on the level's map, which gives the same values and gradients.
 */
export function towerTap(
  model: { readonly id: string; readonly role: Role; readonly detector: Detector },
  point: TapPoint,
  requests: TapRequests,
): TowerTap {
  const { branch, level, i, at, neck } = point;
  const { id, role, detector } = model;
  const head = detector.head!;
  if (i === 0) return { channels: neck.channels, read: (view) => view.tap(neck) };
  if (at === 'pre') {
    if (!head.preActivation) {
      throw new KdError(
        'PLUGIN_REQUIRES',
        `${id}: tap "pre" reads a block before its ReLU, which the head of the ${role} (${detector.name}) does not offer. Leave tap at "post", or build the head with buildDenseHead of @kd/vision.`,
      );
    }
    const input = towerTap(model, { ...point, i: i - 1, at: 'post' }, requests);
    return {
      channels: channelsBehind(head, point),
      read: (view) => head.preActivation!(branch, input.read(view), i - 1),
    };
  }
  const located = detector.taps.find(({ name }) => {
    const place = head.locate?.(name);
    return place !== undefined && place.branch === branch && place.level === level && place.block === i - 1;
  });
  if (located) {
    requests.of(role, located.name);
    return { channels: located.channels, read: (view) => view.tap(located) };
  }
  return {
    channels: channelsBehind(head, point),
    read: (view) => head.run(branch, view.tap(neck), { level, to: i })['feature']!,
  };
}

/** Asks the head itself, with a small map of zeros. */
function channelsBehind(head: StagedHead, { branch, level, i, neck }: TapPoint): number {
  return tf.tidy(() => head.run(branch, tf.zeros([1, 2, 2, neck.channels]), { level, to: i })['feature']!.shape[3]);
}
