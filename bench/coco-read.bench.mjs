// A COCO instances file read and checked as a data set, no picture opened; beside it JSON.parse of the whole text, which
// a file of more than 536 MB does not fit. KD_BENCH_MB says how large the file is to be.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rounded } from './figures.mjs';
import { writeCocoFile } from './ours/coco-file.mjs';

export const name = 'coco-read';

const MEGABYTES = Number(process.env.KD_BENCH_MB ?? 20);

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'kd-coco-read-'));
  try {
    return ['with polygons', 'boxes alone'].map((holds) => {
      const file = join(folder, 'instances.json');
      writeCocoFile(file, MEGABYTES, holds === 'boxes alone' ? 0 : undefined);
      const bytes = statSync(file).size;
      const script = new URL('ours/coco-read.mjs', import.meta.url).pathname;
      const { images, seconds, processor, mb } = JSON.parse(
        execFileSync(process.execPath, [script, file], { encoding: 'utf8' }),
      );
      return {
        holds,
        file_mb: Math.round(bytes / 1e6),
        images,
        seconds: rounded(seconds),
        processor_seconds: rounded(processor),
        parse_seconds: rounded(parseSeconds(file, bytes)),
        peak_mb: Math.round(mb),
      };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Undefined where the text fits no string. */
function parseSeconds(file, bytes) {
  if (bytes > 2 ** 29 - 24) return undefined;
  const start = performance.now();
  JSON.parse(readFileSync(file, 'utf8'));
  return (performance.now() - start) / 1000;
}
