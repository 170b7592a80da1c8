import * as tf from '@tensorflow/tfjs-core';

/** A browser tells a page nothing of this. */
export const forgetPeak = (): boolean => false;
export const peakSinceForgotten = (): number | null => null;

/** What the tensors take, in bytes: of the rest a browser tells a page nothing. */
export const usedMemory = (): number => tf.memory().numBytes;

export const peakMemory = usedMemory;
