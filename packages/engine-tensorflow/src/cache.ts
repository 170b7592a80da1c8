import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Where the engine keeps what it downloads and compiles: `KD_CACHE`, or `kd` in the user's cache folder (XDG base
 * directories).
 */
export function cacheFolder(env: Env): string {
  const own = env.KD_CACHE;
  if (own) return join(resolve(own), 'engine-tensorflow');
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kd', 'engine-tensorflow');
}
