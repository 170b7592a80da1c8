import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const PREFIX = 'kd-tests-';

/**
 * Before the workers of a run start: one folder for all that tests, and programs that they start, write to the system's
 * folder for temporary files. It goes with the run, also what a killed program left there.
 */
export default function setup(): (() => void) | undefined {
  // Of another project of the same run, or of a run inside of a test.
  if (basename(tmpdir()).startsWith(PREFIX)) return undefined;
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
