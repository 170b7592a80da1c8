import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Where a part of this house keeps what it downloads and makes: in `KD_CACHE`, or in `kd` in the user's cache folder
 * (XDG base directories).
 */
export function cacheFolder(env: Env, part: string): string {
  const own = env.KD_CACHE;
  if (own) return join(resolve(own), part);
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kd', part);
}
