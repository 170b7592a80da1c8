import * as tf from '@tensorflow/tfjs-core';

const { navigator } = globalThis as unknown as { readonly navigator: { readonly userAgent: string } };

/** Versions for summary.json. */
export const versions = (): Record<string, string> => ({
  '@tensorflow/tfjs-core': tf.version_core,
  browser: navigator.userAgent,
});
