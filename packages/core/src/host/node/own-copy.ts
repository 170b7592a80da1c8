import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { CoreCopy } from '../../plugins/core-copy.js';

export const OWN: CoreCopy = { folder: fileURLToPath(new URL('../../..', import.meta.url)), version: ownVersion() };

function ownVersion(): string {
  try {
    const { name, version } = createRequire(import.meta.url)('../../../package.json') as {
      name?: string;
      version: string;
    };
    if (name === '@kd/core') return version;
  } catch {
    // Bundled into another package, without its own package.json.
  }
  return 'of unknown version';
}
