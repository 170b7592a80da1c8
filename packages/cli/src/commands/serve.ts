import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { KdError } from '@kd/core/plain';
import type { Flags } from '../flags.js';
import { print, tell } from '../out.js';
import { fileServer } from '../serve/file-server.js';
import { shownPath } from '../shown-path.js';
import { stopSignal } from '../stop-signal.js';

/** `kd serve FOLDER`: the files of a folder on this machine alone, until Ctrl-C. */
export async function serve(path: string, flags: Flags): Promise<number> {
  const folder = resolve(path);
  const port = portOf(flags['port']);
  if (!(await stat(folder).catch(() => null))?.isDirectory())
    throw new KdError('USAGE', `${shownPath(folder)} is no folder; give one that kd export --to web wrote.`);
  const page = await stat(join(folder, 'index.html')).catch(() => null);
  if (!page?.isFile())
    tell(`note: ${shownPath(folder)} has no index.html: its files are served by their names, without a listing`);
  const server = fileServer(folder);
  await listening(server.listen(port, '127.0.0.1'), port);
  const { signal, end } = stopSignal('stopped');
  print(`http://127.0.0.1:${(server.address() as AddressInfo).port}/ serves ${shownPath(folder)}; Ctrl-C ends it`);
  if (!signal.aborted) await once(signal, 'abort');
  end();
  server.close();
  server.closeAllConnections();
  return 0;
}

async function listening(server: ReturnType<typeof fileServer>, port: number): Promise<void> {
  try {
    await once(server, 'listening');
  } catch (cause) {
    const taken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    throw new KdError(
      'USAGE',
      `port ${port} ${taken ? 'is taken by another program' : 'cannot be used'}; give another --port, or none for a free one.`,
      { cause },
    );
  }
}

/** @throws KdError USAGE */
function portOf(value: unknown): number {
  if (value === undefined) return 0;
  const port = Number(value);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new KdError('USAGE', `--port ${String(value)}: expected a whole number from 0 to 65535.`);
}
