import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

/**
 * `@tensorflow/tfjs-node-gpu`, whose JavaScript kernels and C++ binding we use: the copy that a published engine
 * carries (scripts/vendor.mjs), or in the workspace the package, installed without running its scripts.
 */
export const kernelPackage = (): { folder: string; version: string } => {
  const carried = fileURLToPath(new URL('../vendor/package.json', import.meta.url));
  const manifest = existsSync(carried) ? carried : require.resolve('@tensorflow/tfjs-node-gpu/package.json');
  return { folder: dirname(manifest), version: (require(manifest) as { version: string }).version };
};
