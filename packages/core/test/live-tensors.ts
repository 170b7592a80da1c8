import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, expect } from 'vitest';

/** Every test of the file leaves as many tensors behind as it found. @param free what frees those that it may leave */
export function expectNoLeaks(free: () => void = () => {}): void {
  let before: number;
  beforeEach(() => void (before = tf.memory().numTensors));
  afterEach(() => {
    free();
    expect(tf.memory().numTensors, 'live tensors after the test').toBe(before);
  });
}
