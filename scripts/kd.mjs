// kd, built from the source: `npm run kd -- doctor`. Plain Node: before the set-up it says what is missing.
import { existsSync } from 'node:fs';

const bin = new URL('../packages/cli/dist/bin.js', import.meta.url);
if (existsSync(bin)) await import(bin.href);
else {
  process.stderr.write('kd is not built here yet: npm run setup, once.\n');
  process.exitCode = 1;
}
