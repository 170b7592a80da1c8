import { readFileSync } from 'node:fs';

/**
 * What tells a living process from a later one of the same number: `<pid>-<start>`, the start in ticks since the
 * machine's, as /proc has it; null when there is no such process. Where there is no /proc, the number alone.
 */
export function processIdentity(pid: number): string | null {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program, in brackets, may hold spaces and brackets of its own.
    const [state, ...fields] = line.slice(line.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended, and waits for its parent alone.
    return state === 'Z' || state === 'X' ? null : `${pid}-${fields[18]}`;
  } catch {
    return isThere('/proc/self/stat') || !answers(pid) ? null : `${pid}-0`;
  }
}

/** This process. */
export const OWN_IDENTITY = processIdentity(process.pid)!;

/** Whether the process of an identity still runs on this machine. */
export const isAlive = (identity: string): boolean => processIdentity(parseInt(identity, 10)) === identity;

function isThere(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}

/** Whether a process has this number, whichever it is. */
export function answers(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user.
    return (error as { readonly code?: unknown }).code === 'EPERM';
  }
}
