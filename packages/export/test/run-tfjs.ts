import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HostImage } from '@kd/data';
import type { Detection } from '@kd/detect';

/**
 * What plain TensorFlow.js and @kd/detect find on images with each of some models, which are files by their names, in a
 * process of their own.
 */
export function runTfjs(
  models: readonly ReadonlyMap<string, Uint8Array>[],
  images: readonly HostImage[],
): Detection[][][] {
  const scratch = mkdtempSync(join(tmpdir(), 'kd-export-'));
  try {
    const folders = models.map((files, i) => {
      const folder = join(scratch, String(i));
      mkdirSync(folder);
      for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes);
      return folder;
    });
    const [pixels, out] = ['images.bin', 'found.json'].map((name) => join(scratch, name)) as [string, string];
    writeFileSync(pixels, Buffer.concat(images.map(({ data }) => data)));
    const sizes = images.map(({ width, height }) => ({ width, height }));
    const script = fileURLToPath(new URL('foreign/run_tfjs.mjs', import.meta.url));
    execFileSync(process.execPath, [script, pixels, JSON.stringify(sizes), out, ...folders], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return JSON.parse(readFileSync(out, 'utf8')) as Detection[][][];
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
