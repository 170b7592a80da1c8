import {
  consoleLogger,
  detectorEntries,
  definitionsOf,
  type DetectorDefinition,
  type Engine,
  type KnownDefinition,
  parseConfig,
  type ResolvedConfig,
  resolveEngine,
  resolveUse,
} from '@kd/core';
import type { FoundOrigin } from './origin.js';
import { shownPath } from './shown-path.js';
import { loadRun } from './study/load-study.js';

/** The detectors and backbones that the config of a run brings by itself: imported by it, or named by a path. */
export async function definitionsOfConfig(
  name: string,
  origin: FoundOrigin,
): Promise<readonly KnownDefinition[] | undefined> {
  const brought = await configOf(origin, `the detector "${name}"`);
  if (brought === undefined) return undefined;
  const { config, folder } = brought;
  const uses = await Promise.all(
    detectorEntries(config).map((entry) => resolveUse<DetectorDefinition>('detector', entry, folder)),
  );
  return uses.flatMap(definitionsOf);
}

/** The engine of this name, likewise. */
export async function engineOfConfig(name: string, origin: FoundOrigin): Promise<Engine | undefined> {
  const brought = await configOf(origin, `the engine "${name}"`);
  if (brought === undefined) return undefined;
  const engine = await resolveEngine(brought.config.engine, brought.folder);
  return engine.name === name ? engine : undefined;
}

/** Loads the config that a run was started with, and says so first: it may be code. */
async function configOf(
  { config: file, refused, overrides }: FoundOrigin,
  what: string,
): Promise<{ readonly config: ResolvedConfig; readonly folder: string } | undefined> {
  if (file === null || refused !== null) return undefined;
  consoleLogger.info(`config: ${shownPath(file)}, with which the run was started, for ${what}`);
  const { config, folder } = await loadRun(file, { run: overrides.run });
  return { config: parseConfig(config, shownPath(file)), folder };
}
