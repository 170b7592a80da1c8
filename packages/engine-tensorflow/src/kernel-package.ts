import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

/**
 * `@tensorflow/tfjs-node-gpu`, whose JavaScript kernels we use: in the workspace the engine's own
 * dev dependency, installed without running its scripts; elsewhere the copy that a published engine carries
 * (scripts/vendor.mjs). In this order: while the workspace is packed, that copy comes and goes beside running engines.
 */
export const kernelPackage = (of: string | URL = import.meta.url): { folder: string; version: string } => {
  const [installed, carried] = ['../node_modules/@tensorflow/tfjs-node-gpu', '../vendor'].map((folder) =>
    fileURLToPath(new URL(`${folder}/package.json`, of)),
  ) as [string, string];
  // By its real path, beside which its own dependencies are found.
  const manifest = require.resolve(existsSync(installed) ? installed : carried);
  return { folder: dirname(manifest), version: (require(manifest) as { version: string }).version };
};
