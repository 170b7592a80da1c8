import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Versions for summary.json. */
export function versions(): Record<string, string> {
  const own = require('../../../package.json') as { version: string };
  const tfjs = require('@tensorflow/tfjs-core/package.json') as { version: string };
  return { '@kd/core': own.version, '@tensorflow/tfjs-core': tfjs.version, node: process.versions.node };
}
