import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf } from '@kd/core';
import type { ByteSource } from '../../torch/byte-source.js';
import { torchError } from '../../torch/torch-file.js';

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
