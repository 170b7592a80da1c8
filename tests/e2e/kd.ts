import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const bin = join(root, 'packages/cli/dist/bin.js');
export const config = (name: string): string => join(root, 'tests/e2e/configs', name);

/** Data and golden cases that do not live in the repository; null where they are absent. */
export const bccdMini = ((): string | null => {
  const folder = process.env.KD_BCCD_MINI ?? join(root, '../shared/datasets/bccd-mini');
  return existsSync(folder) ? folder : null;
})();

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Called with all of standard error so far, whenever there is more. */
  readonly onStderr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/**
 * Runs the built command as a person would: in a process of its own, without the search path that a test runner's shim
 * sets.
 */
export function kd(args: readonly string[], { cwd = root, env = {}, onStderr }: RunOptions = {}): Promise<Result> {
  const began = performance.now();
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [bin, ...args], {
      cwd,
      env: { ...process.env, NODE_PATH: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      onStderr?.(stderr, (signal) => child.kill(signal));
    });
    child.on('error', fail);
    child.on('close', (code) => done({ code, stdout, stderr, milliseconds: performance.now() - began }));
  });
}

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'kd-e2e-'));
