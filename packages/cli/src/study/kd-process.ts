import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PARENT } from '../stop-signal.js';

const BIN = fileURLToPath(new URL('../bin.js', import.meta.url));

/**
 * A command of kd in a process of its own. It has a group of its own, too: Ctrl-C reaches the study alone, which hands
 * it on once; a study that is killed takes it along.
 * @returns what it says, and how it ended: by its exit code or a signal. That fails where it cannot be started
 */
export function kdProcess(
  args: readonly string[],
  { threads, signal }: { readonly threads: number; readonly signal: AbortSignal },
) {
  const child = spawn(process.execPath, [BIN, ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { TF_NUM_INTRAOP_THREADS: String(threads), ...process.env, [PARENT]: String(process.pid) },
  });
  const stop = (): void => void child.kill('SIGINT');
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  const ended = new Promise<readonly [code: number | null, by: NodeJS.Signals | null]>((done, fail) => {
    child.on('error', fail);
    child.on('close', (...how) => done(how));
  }).finally(() => signal.removeEventListener('abort', stop));
  return { stdout: child.stdout, stderr: child.stderr, ended };
}
