import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '@kd/cli';
import { type RunnerTask, vi } from 'vitest';
import { root } from './root.js';

export { root };
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
}

/** What was run in the test at hand. An exit code alone does not tell why it is not the expected one. */
let ran: { readonly args: readonly string[]; readonly result: Result }[] = [];
export function tellWhatRan({ result }: Pick<RunnerTask, 'result'>): void {
  const said = ran.map(
    ({ args, result }) => `kd ${args.join(' ')} ended with ${result.code}: ${result.stderr.slice(-2000)}`,
  );
  for (const error of result?.errors ?? []) error.message = [error.message, ...said].join('\n');
  ran = [];
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface ProcessOptions extends RunOptions {
  /** Called with all of standard error so far, whenever there is more. */
  readonly onStderr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
  /** The same with standard output. */
  readonly onStdout?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/**
 * Runs the built command as a person would: in a process of its own, without the search path that a test runner's shim
 * sets. Every command has a test that does so; what starts, signals and ends a process needs it.
 */
export function kdProcess(
  args: readonly string[],
  { cwd = root, env = {}, onStderr, onStdout }: ProcessOptions = {},
): Promise<Result> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [bin, ...args], {
      cwd,
      env: { ...process.env, NODE_PATH: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      onStdout?.(stdout, (signal) => child.kill(signal));
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      onStderr?.(stderr, (signal) => child.kill(signal));
    });
    child.on('error', fail);
    child.on('close', (code, signal) => {
      const result = { code, stdout, stderr: signal === null ? stderr : `${stderr}(ended by ${signal})\n` };
      ran.push({ args, result });
      done(result);
    });
  });
}

let last: Promise<unknown> = Promise.resolve();

/**
 * Runs the built command in this process, where TensorFlow is loaded already: the same main function, with streams,
 * folder and environment of its own. One after the other, since a process has one of each.
 */
export function kd(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const run = last.then(() => here(args, options));
  last = run.catch(() => {});
  return run;
}

async function here(args: readonly string[], { cwd = root, env = {} }: RunOptions): Promise<Result> {
  const said = { stdout: '', stderr: '' };
  const before = { cwd: process.cwd(), argv: process.argv };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => ((said[name] += String(text)), true)),
  );
  process.chdir(cwd);
  process.argv = [process.execPath, bin, ...args];
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  try {
    const code = await main(args);
    ran.push({ args, result: { code, ...said } });
    return { code, ...said };
  } finally {
    vi.unstubAllEnvs();
    process.argv = before.argv;
    process.chdir(before.cwd);
    for (const spy of spies) spy.mockRestore();
  }
}

const folders: string[] = [];
export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** A new folder, which is removed at the end of the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kd-e2e-'));
  folders.push(folder);
  return folder;
}
