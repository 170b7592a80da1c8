import { readFileSync, writeFileSync } from 'node:fs';

/** Forgets the peak of the resident memory, where the system lets a process do so (Linux). */
export function forgetPeak(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
    return true;
  } catch {
    return false;
  }
}

/** The peak of the resident memory in bytes since {@link forgetPeak}; null where that cannot be told. */
export function peakSinceForgotten(): number | null {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    return kibibytes === undefined ? null : Number(kibibytes) * 1024;
  } catch {
    return null;
  }
}

/** The resident memory in bytes. */
export const usedMemory = (): number => process.memoryUsage().rss;

/** The peak of the resident memory in bytes since the process started. */
export const peakMemory = (): number => process.resourceUsage().maxRSS * 1024; // kibibytes on every platform
