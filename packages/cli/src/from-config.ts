import {
  consoleLogger,
  type DetectorDefinition,
  type Engine,
  parseConfig,
  type ResolvedConfig,
  resolveEngine,
  resolveUse,
} from '@kd/core';
import { loadConfig } from './load-config.js';
import type { FoundOrigin } from './origin.js';
import { shownPath } from './shown-path.js';

/** The detector of this name that the config of a run brings by itself: imported by it, or named by a path. */
export async function detectorOfConfig(name: string, origin: FoundOrigin): Promise<DetectorDefinition | undefined> {
  const brought = await configOf(origin, `the detector "${name}"`);
  if (brought === undefined) return undefined;
  const { config, folder } = brought;
  for (const entry of [config.student, config.teacher?.detector]) {
    if (entry === undefined) continue;
    const { definition } = await resolveUse<DetectorDefinition>('detector', entry, folder);
    if (definition.name === name) return definition;
  }
  return undefined;
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
  { config: file, refused }: FoundOrigin,
  what: string,
): Promise<{ readonly config: ResolvedConfig; readonly folder: string } | undefined> {
  if (file === null || refused !== null) return undefined;
  consoleLogger.info(`config: ${shownPath(file)}, with which the run was started, for ${what}`);
  const { config, folder } = await loadConfig(file);
  return { config: parseConfig(config, shownPath(file)), folder };
}
