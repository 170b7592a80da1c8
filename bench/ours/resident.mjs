import { readFileSync } from 'node:fs';

/** Resident megabytes of this process now (VmRSS) or at the most (VmHWM). */
export const resident = (field) =>
  Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
