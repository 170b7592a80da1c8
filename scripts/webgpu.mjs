// Runs what is tested on WebGPU alone, or in part by `npm test`: the contract of engines, golden cases with KD_GOLDEN's
// folder, training steps: node scripts/webgpu.mjs [ops|ssim|baselines|… of tests/golden, contract, steps] …
// Takes the graphics card that Dawn finds, or SwiftShader, the one in software that Debian's chromium brings. There the
// two-stage detectors' trajectories take minutes each.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { webgpu } from '@kd/engine-webgpu';

const root = fileURLToPath(new URL('..', import.meta.url));
const SOFTWARE = '/usr/lib/chromium/vk_swiftshader_icd.json';

const golden = readdirSync(join(root, 'tests/golden')).filter((name) => name.endsWith('.test.ts'));
/** By name, the project and the files of vitest. */
const parts = {
  contract: ['contract', 'packages/engine-webgpu/src/contract.test.ts'],
  steps: ['e2e', 'tests/e2e/webgpu.test.ts'],
  ...Object.fromEntries(golden.map((file) => [file.replace('.test.ts', ''), ['golden', `tests/golden/${file}`]])),
};
const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`there is no ${unknown.join(', ')}. There are: ${Object.keys(parts).join(', ')}.`);
  process.exit(1);
}
/** Its name. @throws Error that says what is missing */
async function findCard() {
  try {
    return (await webgpu().start()).deviceName;
  } catch (error) {
    if (process.env.VK_ICD_FILENAMES !== undefined || !existsSync(SOFTWARE)) throw error;
    process.env.VK_ICD_FILENAMES = SOFTWARE;
    return (await webgpu().start()).deviceName;
  }
}
try {
  console.log(`WebGPU on ${await findCard()}`);
} catch (error) {
  console.error(`${error.message}\nWithout a card: apt install chromium brings one in software, ${SOFTWARE}.`);
  process.exit(1);
}

const failed = [];
for (const name of chosen.length > 0 ? chosen : Object.keys(parts)) {
  const [project, file] = parts[name];
  console.log(`\n== ${name}`);
  // One process, and all the time it takes: a card in software is slow.
  const args = [
    'run',
    '--project',
    project,
    '--maxWorkers',
    '1',
    '--testTimeout',
    '3600000',
    '--reporter',
    'verbose',
    file,
  ];
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), ...args], {
    stdio: 'inherit',
    cwd: root,
    env: { ...process.env, KD_ENGINE: 'webgpu' },
  });
  if (status !== 0) failed.push(name);
}
console.log(failed.length > 0 ? `\nfailed: ${failed.join(', ')}` : '\nall passed');
process.exit(failed.length > 0 ? 1 : 0);
