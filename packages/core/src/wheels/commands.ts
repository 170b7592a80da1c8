import { execFile } from 'node:child_process';

export interface CommandResult {
  /** Exit code; null when the command could not be started or was killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type RunCommand = (
  command: string,
  args: readonly string[],
  options?: { readonly env?: Readonly<Record<string, string | undefined>>; readonly timeout?: number },
) => Promise<CommandResult>;

/** Runs a program to its end; never rejects. A program that is not there gives `code: null`. */
export const runCommand: RunCommand = (command, args, options = {}) =>
  new Promise((done) => {
    const child = execFile(
      command,
      [...args],
      { encoding: 'utf8', maxBuffer: 64 << 20, env: { ...process.env, ...options.env }, timeout: options.timeout ?? 0 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        done({ code, stdout, stderr: stderr || (error?.message ?? '') });
      },
    );
    child.stdin?.end();
  });
