import { join } from 'node:path';
import { consoleLogger, parseConfig, type Plan, planRun, type PlanOptions } from '@kd/core';
import { countdown } from '@kd/report';
import { warnOfCopies } from './copies.js';
import { onEngine } from './engine-choice.js';
import { loadNamed } from './load-named.js';
import type { Flags } from './flags.js';
import { overridesOf, withOverrides } from './overrides.js';
import { ports } from './ports.js';
import { shownPath } from './shown-path.js';
import { stopSignal } from './stop-signal.js';

/** The plan of a config, with what the command line sets over it; null when Ctrl-C ended it. */
export async function planConfig(
  path: string,
  flags: Flags,
  options: Pick<PlanOptions, 'steps' | 'passImages'>,
): Promise<Plan | null> {
  const overrides = overridesOf(flags);
  const { loaded, ...named } = await loadNamed(path, {
    run: overrides.run,
    out: studyRunFolder(flags),
    planned: true,
  });
  const { config, file, folder } = loaded;
  const changed = withOverrides(onEngine(config), overrides);
  await warnOfCopies(parseConfig(changed, shownPath(file)), folder, consoleLogger);
  const stop = stopSignal('stopping; once more quits at once');
  let bar: { readonly id: string; readonly shown: ReturnType<typeof countdown> } | undefined;
  const onPass = (id: string, done: number, of: number): void => {
    if (bar?.id !== id) {
      bar?.shown.end();
      bar = { id, shown: countdown(id) };
    }
    bar.shown.show(done, of);
  };
  try {
    return await planRun(changed, { ...ports, ...options, ...named, folder, signal: stop.signal, onPass });
  } catch (error) {
    if (stop.signal.aborted && error === stop.signal.reason) return null;
    throw error;
  } finally {
    bar?.shown.end();
    stop.end();
  }
}

/** A run that is not there yet, in the folder of its study that `--out` names. */
const studyRunFolder = ({ out, run }: Flags): string | undefined =>
  out === undefined ? undefined : join(String(out), String(run));
