import { spawnSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { root } from './kd.js';
import type { Registry } from './registry.js';

/** A folder that has the pnpm of this repository, or null where the search path has it. */
function pnpmFolder(): string | null {
  const [, version] = /'pnpm@([\d.]+)'/.exec(readFileSync(join(root, 'scripts/setup.mjs'), 'utf8'))!;
  if (spawnSync('pnpm', ['--version'], { cwd: root, encoding: 'utf8' }).stdout?.trim() === version) return null;
  return dirname(
    spawnSync('npm', ['exec', '--yes', `--package=pnpm@${version}`, '-c', 'command -v pnpm'], {
      encoding: 'utf8',
    }).stdout.trim(),
  );
}

/**
 * The environment of a person at a shell whose registry is this one: nothing of the runner of tests, nor of the package
 * manager that runs it.
 */
export function environment({ url }: Registry): NodeJS.ProcessEnv {
  const folder = pnpmFolder();
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|pnpm_|VITEST|NODE_ENV$|NODE_PATH$|INIT_CWD$)|^NPM_CONFIG_REGISTRY$/.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    npm_config_registry: url,
    pnpm_config_registry: url,
    pnpm_config_dlx_cache_max_age: '0',
    // A pin of pnpm's own version would have it look for itself in the registry, for every platform.
    pnpm_config_init_package_manager: 'false',
    ...(folder === null ? {} : { PATH: `${folder}${delimiter}${process.env.PATH}` }),
  };
}

/** Runs what a person types and gives what it printed, or throws with it. */
export function types(line: string, cwd: string, env: NodeJS.ProcessEnv): string {
  const { status, stdout, stderr } = spawnSync(line, { shell: true, cwd, env, encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`${line} ended with ${status}\n${stdout}\n${stderr}`);
  return `${stdout}\n${stderr}`;
}

/** Bytes of all files of a folder, links not followed, hard links counted once a name. */
export const sizeOf = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).reduce(
    (sum, entry) => (entry.isFile() ? sum + lstatSync(join(entry.parentPath, entry.name)).size : sum),
    0,
  );
