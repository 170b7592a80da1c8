import { KdError } from '@kd/core';
import type { PickleValue, TorchStorage } from './pickle-value.js';

/** A checkpoint of torch whose structure was read, and whose numbers still lie in the file. */
export interface TorchFile {
  readonly container: 'zip' | 'legacy' | 'tar';
  /** What was saved. */
  readonly value: PickleValue;
  /** Bytes of the file: what is said to be in it is held against that. */
  readonly size: number;
  /**
   * The bytes of a whole storage, least byte of each element first.
   * @throws KdError CHECKPOINT_INVALID
   */
  readStorage(storage: TorchStorage): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** The one error of everything that a checkpoint of torch can be wrong in. */
export const torchError = (
  where: string,
  why: string,
  advice = 'Copy or download it again.',
  cause?: unknown,
): KdError =>
  new KdError('CHECKPOINT_INVALID', `${where} is not a usable checkpoint of torch: ${why}. ${advice}`, { cause });

/** As {@link torchError}, of a byte of a pickle. */
export const pickleError =
  (where: string, pickle: string) =>
  (position: number, why: string, advice?: string): KdError =>
    torchError(where, `at byte ${position} of ${pickle}, ${why}`, advice);
