import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository that this file lies in. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The one that the set-up installs with: the lock file is its. */
const [, VERSION] = /'pnpm@([\d.]+)'/.exec(readFileSync(join(root, 'scripts/setup.mjs'), 'utf8'));

/** The program and its first arguments: pnpm where the right one is at hand, else through `npm exec`. */
function command() {
  const found = spawnSync('pnpm', ['--version'], { cwd: root, encoding: 'utf8' });
  return found.status === 0 && found.stdout.trim() === VERSION
    ? ['pnpm']
    : ['npm', 'exec', '--yes', `--package=pnpm@${VERSION}`, '--', 'pnpm'];
}

/**
 * Runs a program in the repository and gives what it printed; throws with its output when it fails. `show` lets it
 * speak for itself.
 */
export function run(program, args, { show = false, env = {} } = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 2 ** 28,
    stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'],
  });
  if (status !== 0)
    throw new Error(
      `${program} ${args.join(' ')} failed (${error?.message ?? `exit code ${status}`}).\n${stdout ?? ''}${stderr ?? ''}`.trim(),
    );
  return stdout;
}

export function pnpm(args, options) {
  const [program, ...before] = command();
  return run(program, [...before, ...args], options);
}
