import { execFileSync } from 'node:child_process';
import { mkdir, rm, symlink } from 'node:fs/promises';

/** What may stand where a file is wanted. A pipe that nobody writes to never ends, `/dev/zero` neither. */
const KINDS = {
  gone: () => {},
  'a folder': (file) => mkdir(file),
  'a pipe': (file) => execFileSync('mkfifo', [file]),
  'a device without an end': (file) => symlink('/dev/zero', file),
  'an empty device': (file) => symlink('/dev/null', file),
  'a link to itself': (file) => symlink(file, file),
};

/** Puts something else in the place of a file; says what. */
export async function putSpecial(file, { pick }) {
  const [how, make] = pick(Object.entries(KINDS));
  await rm(file);
  await make(file);
  return how;
}
