import { realpath } from 'node:fs/promises';
import { isAbsolute, join, normalize, relative } from 'node:path';
import { consoleLogger, KdError, type Listener, messageOf, readRegularText, writeFileAtomic } from '@kd/core';
import { type Overrides, overridesIn } from './overrides.js';
import { shownPath } from './shown-path.js';

/**
 * Where the config of a run lies: kept in the run folder, so that later commands find the same plugins and relative
 * paths.
 */
export interface Origin {
  readonly config: string;
  /** Relative paths and plugins are looked up from here. */
  readonly folder: string;
  /** What the command line set over the config. */
  readonly overrides?: Overrides;
}

/** What of an origin is still there. */
export interface FoundOrigin {
  readonly config: string | null;
  readonly folder: string | null;
  readonly overrides: Overrides;
  /** Why no code is taken from there: it leads into the run folder, which may have come from somebody else. */
  readonly refused: string | null;
}

export const NO_ORIGIN: FoundOrigin = { config: null, folder: null, overrides: {}, refused: null };

export const ORIGIN = 'origin.json';

export const originWriter = (origin: Origin): Listener => ({
  name: 'origin',
  on: async (event) => {
    if (event.type === 'start')
      await writeFileAtomic(join(event.run.folder, ORIGIN), `${JSON.stringify(origin, null, 2)}\n`);
  },
});

export async function readOrigin(run: string): Promise<FoundOrigin> {
  const { config, folder, overrides } = await parts(join(run, ORIGIN));
  const found = { config: await there(config), folder: await there(folder), overrides: overridesIn(overrides) };
  for (const named of [found.config, found.folder]) {
    if (named !== null && (await isInside(named, run)))
      return {
        ...found,
        refused: `${join(run, ORIGIN)} names ${named}, which lies inside of the run folder and may have come with it: nothing is loaded from there`,
      };
  }
  return { ...found, refused: null };
}

/** Relative paths of the config of a run start here: where it lay, else the working directory. */
export const dataFolder = ({ folder }: FoundOrigin): string => folder ?? process.cwd();

/** Folders that were told: a report opens a run several times. */
const told = new Set<string>();

/** Plugins of a run are looked up from here, likewise. */
export function pluginFolder({ folder, refused }: FoundOrigin): string {
  if (refused === null) {
    if (folder !== null && folder !== process.cwd() && !told.has(folder)) {
      told.add(folder);
      consoleLogger.info(`plugins are looked up from ${shownPath(folder)}, where the config of the run lay`);
    }
    return folder ?? process.cwd();
  }
  consoleLogger.warn(`${refused}; plugins are looked up from the working directory.`);
  return process.cwd();
}

/**
 * Nothing where there is no such file.
 * @throws KdError RUN_FOLDER for one that is damaged: what it said is not known
 */
async function parts(file: string): Promise<Readonly<Partial<Record<keyof Origin, unknown>>>> {
  try {
    return { ...(JSON.parse(await readRegularText(file)) as Partial<Origin> | null) };
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(String((cause as NodeJS.ErrnoException).code))) return {};
    throw new KdError(
      'RUN_FOLDER',
      `${file}, which says where the config of the run lay, cannot be read: ${messageOf(cause)}; restore it, or remove it: relative paths then start, and plugins are looked up, where the command runs.`,
      { cause },
    );
  }
}

/**
 * The path where it is one, and something is there. None of the system's own folders: `/proc/self/cwd` is another one
 * for everybody, so that an archive could bring both a run and what the run is to load.
 */
async function there(path: unknown): Promise<string | null> {
  if (typeof path !== 'string' || !isAbsolute(path) || /^\/(?:proc|dev|sys)\//.test(normalize(path))) return null;
  return realpath(path).then(
    () => path,
    () => null,
  );
}

/** By real paths: a link is where it leads to. */
async function isInside(path: string, folder: string): Promise<boolean> {
  const way = relative(await realpath(folder), await realpath(path));
  return way !== '..' && !way.startsWith('../') && !isAbsolute(way);
}
