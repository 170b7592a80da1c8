import { type StagedHead, tidy } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { closeTo } from './detector-step.js';
import { tensorsIn } from './live-tensors.js';

/**
 * Whether a branch of a head gives in pieces, cut anywhere, what it gives as a whole, and as a whole what is expected.
 * @param x what the branch reads at this level, or stage
 */
export function expectPieces(
  head: StagedHead,
  branch: string,
  x: tf.Tensor4D,
  level: number,
  expected: Readonly<Record<string, tf.Tensor>>,
): void {
  const whole = head.run(branch, x, { level });
  for (const [name, map] of Object.entries(whole)) closeTo(map, expected[name]!, `${name} of level ${level}`);
  for (let cut = 0; cut <= head.depth(branch); cut++) {
    const pieces = tidy(() =>
      head.run(branch, head.run(branch, x, { level, to: cut })['feature']!, { level, from: cut }),
    );
    for (const [name, map] of Object.entries(whole))
      closeTo(pieces[name]!, map, `${name} of level ${level}, cut at ${cut}`);
    tf.dispose([...tensorsIn(pieces)]);
  }
  tf.dispose([...tensorsIn(whole)]);
}
