import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf } from '@kd/core';
import { torchError } from './torch-file.js';

/** A file that is read here and there, and held open in between by nobody. */
export interface ByteSource {
  /** The file, for messages. */
  readonly where: string;
  readonly size: number;
  /**
   * Fills a buffer from a place of the file.
   * @throws KdError CHECKPOINT_INVALID where the file ends, or is another by now
   */
  read<Bytes extends Uint8Array>(into: Bytes, position: number): Bytes;
}

export function byteSource(file: string): ByteSource {
  const path = resolve(file);
  const { size, ino, mtimeMs } = statSync(path);
  const open = (): number => {
    try {
      return openSync(path, 'r');
    } catch (cause) {
      throw torchError(
        file,
        `it cannot be read any more: ${messageOf(cause)}`,
        'Leave it where it is while it is read.',
        cause,
      );
    }
  };
  return {
    where: file,
    size,
    read(into, position) {
      const fd = open();
      try {
        const now = fstatSync(fd);
        if (now.size !== size || now.ino !== ino || now.mtimeMs !== mtimeMs)
          throw torchError(file, 'it was changed while it was read', 'Read it again when nobody writes it.');
        for (let done = 0; done < into.length; ) {
          const count = readSync(fd, into, done, into.length - done, position + done);
          if (count === 0) throw torchError(file, `it ends at byte ${position + done} while it is read`);
          done += count;
        }
        return into;
      } finally {
        closeSync(fd);
      }
    },
  };
}
