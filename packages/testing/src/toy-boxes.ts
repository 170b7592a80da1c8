import * as tf from '@tensorflow/tfjs-core';
import type { Assignment, Priors, Targets } from '@kd/core';

/** exp of more than this makes a box 64 times its prior: the input of exp is cut there. */
const LARGEST = Math.log(64);

/** One square prior of side 2 · stride in the middle of every cell, [a, 4]; levels one after the other, then y, x. */
export function toyPriors(sizes: readonly (readonly [number, number])[], strides: readonly number[]): Priors {
  const values = sizes.flatMap(([height, width], level) => {
    const stride = strides[level]!;
    return Array.from({ length: height * width }, (_, i) => {
      const [x, y] = [(i % width) * stride + stride / 2, Math.floor(i / width) * stride + stride / 2];
      return [x - stride, y - stride, x + stride, y + stride];
    }).flat();
  });
  return {
    boxes: tf.tensor2d(values, [values.length / 4, 4]),
    perLevel: sizes.map(([height, width]) => height * width),
    strides: strides.map((stride) => [stride, stride]),
  };
}

interface Centred {
  /** [..., 1] each */
  readonly x: tf.Tensor;
  readonly y: tf.Tensor;
  readonly width: tf.Tensor;
  readonly height: tf.Tensor;
}

function centred(boxes: tf.Tensor): Centred {
  const [x1, y1, x2, y2] = tf.split(boxes, 4, -1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  return {
    x: tf.mul(tf.add(x1, x2), 0.5),
    y: tf.mul(tf.add(y1, y2), 0.5),
    width: tf.sub(x2, x1),
    height: tf.sub(y2, y1),
  };
}

/** Boxes [b, a, 4] from codes [b, a, 4]: shift in sides of the prior, logarithm of the growth. */
export function toyDecode(codes: tf.Tensor3D, priors: Priors): tf.Tensor3D {
  return tf.tidy(() => {
    const prior = centred(priors.boxes);
    const [dx, dy, dw, dh] = tf.split(codes, 4, -1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    const x = tf.add(prior.x, tf.mul(dx, prior.width));
    const y = tf.add(prior.y, tf.mul(dy, prior.height));
    const halfWidth = tf.mul(tf.mul(prior.width, tf.exp(tf.minimum(dw, LARGEST))), 0.5);
    const halfHeight = tf.mul(tf.mul(prior.height, tf.exp(tf.minimum(dh, LARGEST))), 0.5);
    return tf.concat(
      [tf.sub(x, halfWidth), tf.sub(y, halfHeight), tf.add(x, halfWidth), tf.add(y, halfHeight)],
      -1,
    ) as tf.Tensor3D;
  });
}

/** Codes [b, a, 4] of boxes [b, a, 4]; sides below one pixel count as one, so that padding stays finite. */
export function toyEncode(boxes: tf.Tensor3D, priors: Priors): tf.Tensor3D {
  return tf.tidy(() => {
    const [prior, box] = [centred(priors.boxes), centred(boxes)];
    return tf.concat(
      [
        tf.div(tf.sub(box.x, prior.x), prior.width),
        tf.div(tf.sub(box.y, prior.y), prior.height),
        tf.log(tf.div(tf.maximum(box.width, 1), prior.width)),
        tf.log(tf.div(tf.maximum(box.height, 1), prior.height)),
      ],
      -1,
    ) as tf.Tensor3D;
  });
}

/** A prior answers for the smallest object that holds its centre. */
export function toyAssign(priors: Priors, { boxes, mask }: Targets): Assignment {
  return tf.tidy(() => {
    const [b, objects] = mask.shape;
    const a = priors.boxes.shape[0];
    if (objects === 0)
      return { matched: tf.fill([b, a], -1, 'int32') as tf.Tensor2D, positives: tf.zeros([b]) as tf.Tensor1D };
    const { x, y } = centred(priors.boxes); // [a, 1]
    const [x1, y1, x2, y2] = (tf.split(boxes, 4, -1) as tf.Tensor[]).map((side) =>
      tf.reshape(side, [b, 1, objects]),
    ) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    const distances = [tf.sub(x, x1), tf.sub(y, y1), tf.sub(x2, x), tf.sub(y2, y)] as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    // [b, a, g]
    const nearest = tf.minimum(tf.minimum(distances[0], distances[1]), tf.minimum(distances[2], distances[3]));
    const inside = tf.logicalAnd(tf.greater(nearest, 0), tf.greater(tf.reshape(mask, [b, 1, objects]), 0));
    const area = tf.mul(tf.sub(x2, x1), tf.sub(y2, y1));
    const smallest = tf.argMin(tf.where(inside, tf.add(tf.zerosLike(nearest), area), tf.fill(nearest.shape, 1e9)), -1);
    const positive = tf.any(inside, -1);
    return {
      matched: tf.where(positive, smallest, tf.fill([b, a], -1, 'int32')) as tf.Tensor2D,
      positives: tf.sum(tf.cast(positive, 'float32'), 1) as tf.Tensor1D,
    };
  });
}
