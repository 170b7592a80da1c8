import {
  cacheFolder,
  type Env,
  findPython,
  type Python,
  runCommand,
  type RunCommand,
  type Wheel,
} from '@kd/core/wheels';
import { wheelsFor } from './wheels.js';

/** What the search and the set-up ask of the machine; tests put their own in its place. */
export interface Machine {
  readonly env: Env;
  /** Such as `linux-x64`. */
  readonly platform: string;
  readonly cache: string;
  readonly run: RunCommand;
  readonly python: () => Promise<Python | null>;
  /** Of the library; none where it cannot be set up. */
  readonly wheels: readonly Wheel[];
}

export function thisMachine(env: Env = process.env): Machine {
  const platform = `${process.platform}-${process.arch}`;
  return {
    env,
    platform,
    cache: cacheFolder(env, 'engine-tensorflow'),
    run: runCommand,
    python: () => findPython(env, runCommand),
    wheels: wheelsFor(env, platform),
  };
}
