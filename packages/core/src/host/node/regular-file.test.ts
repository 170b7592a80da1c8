import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRegularFile, readRegularText } from './regular-file.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kd-regular-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('reads files, also through links', async () => {
  await writeFile(join(folder, 'file'), 'text');
  await symlink('file', join(folder, 'link'));
  expect(await readRegularText(join(folder, 'link'))).toBe('text');
  await expect(readRegularFile(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
});

it('refuses at once what would never end', async () => {
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  const server = createServer().listen(join(folder, 'socket'));
  try {
    await new Promise((resolve) => server.once('listening', resolve));
    await expect(readRegularFile(join(folder, 'fifo'))).rejects.toThrow('it is a FIFO, where a file is wanted');
    await expect(readRegularFile(join(folder, 'socket'))).rejects.toThrow('it is a socket');
    await expect(readRegularFile('/dev/zero')).rejects.toThrow('it is a device');
    await expect(readRegularFile(folder)).rejects.toThrow('it is a folder');
  } finally {
    server.close();
  }
});
