import { sha256 as begin } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Sha256 } from '../sha256.js';

export function sha256(): Sha256 {
  const hash = begin.create();
  return {
    update(part) {
      hash.update(typeof part === 'string' ? new TextEncoder().encode(part) : part);
      return this;
    },
    digest: () => bytesToHex(hash.digest()),
  };
}
