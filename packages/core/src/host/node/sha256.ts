import { createHash } from 'node:crypto';
import type { Sha256 } from '../sha256.js';

export function sha256(): Sha256 {
  const hash = createHash('sha256');
  return {
    update(part) {
      hash.update(part);
      return this;
    },
    digest: () => hash.digest('hex'),
  };
}
