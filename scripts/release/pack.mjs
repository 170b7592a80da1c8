// Packs what would be published.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pnpm, root } from './pnpm.mjs';

/** `tsc -b` leaves what it built of a source that is gone; a package would carry it for ever. */
export function removeStale() {
  for (const name of readdirSync(join(root, 'packages'))) {
    const [dist, src] = ['dist', 'src'].map((folder) => join(root, 'packages', name, folder));
    for (const file of existsSync(dist) ? readdirSync(dist, { recursive: true }) : []) {
      const source = file.replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts');
      if (source !== file && !existsSync(join(src, source))) rmSync(join(dist, file));
    }
  }
}

/** `{ name, version, filename, size, files }` of every package that is not private. */
export function pack(folder) {
  removeStale();
  return JSON.parse(pnpm(['--recursive', 'pack', '--pack-destination', resolve(folder), '--json']));
}
