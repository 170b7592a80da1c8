import type { Env } from './cache.js';
import type { RunCommand } from './commands.js';

/** A Python interpreter, and what of it matters here. Found without importing tensorflow, which takes seconds. */
export interface Python {
  readonly command: string;
  readonly version: string;
  /** Folder of the `tensorflow` package of this environment, or null. */
  readonly tensorflow: string | null;
  readonly pip: string | null;
}

const PROBE = `
import importlib.util, json, sys
def folder(name):
    spec = importlib.util.find_spec(name)
    return list(spec.submodule_search_locations)[0] if spec and spec.submodule_search_locations else None
def version(name):
    try:
        from importlib.metadata import version
        return version(name)
    except Exception:
        return None
print(json.dumps({"version": "%d.%d.%d" % sys.version_info[:3], "tensorflow": folder("tensorflow"), "pip": version("pip") if folder("pip") else None}))
`;

/**
 * The active Python environment: `KD_PYTHON`, the activated virtual environment, or `python3` of the PATH; null without
 * one.
 */
export async function findPython(env: Env, run: RunCommand): Promise<Python | null> {
  const commands = env.KD_PYTHON
    ? [env.KD_PYTHON]
    : [...(env.VIRTUAL_ENV ? [`${env.VIRTUAL_ENV}/bin/python`] : []), 'python3', 'python'];
  for (const command of commands) {
    const { code, stdout } = await run(command, ['-c', PROBE], { timeout: 60_000 });
    if (code !== 0) continue;
    const said = JSON.parse(stdout.trim().split('\n').at(-1)!) as Omit<Python, 'command'>;
    return { command, ...said };
  }
  return null;
}

/** Why a wheel cannot be fetched with this Python, as a part of a sentence; null where it can. */
export const lacksPip = (python: Python | null): string | null =>
  python === null
    ? 'Python 3 was not found'
    : python.pip === null
      ? `${python.command} (${python.version}) has no pip`
      : null;
