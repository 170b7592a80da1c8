import { KdError } from '@kd/core';
import type { PickleValue, TorchStorage } from './pickle-value.js';

/** Gives room for so many bytes, aligned to any element. */
export type Room = (bytes: number) => Uint8Array;
export const freshRoom: Room = (bytes) => new Uint8Array(bytes);

/** A checkpoint of torch whose structure was read, and whose numbers still lie in the file. */
export interface TorchFile {
  readonly container: 'zip' | 'legacy' | 'tar';
  /** What was saved. */
  readonly value: PickleValue;
  /** Bytes of the file: what is said to be in it is held against that. */
  readonly size: number;
  /**
   * The bytes of a storage, read now, least byte of each element first.
   * @param room where they go, given their number
   * @throws KdError CHECKPOINT_INVALID
   */
  readStorage(storage: TorchStorage, room?: Room): Uint8Array;
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
