// The demo has the size that its engine is fit for, and says so; a folder that it cannot have ends it before it trains.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root, temporaryFolder } from './kd.js';

const taken = join(temporaryFolder(), 'taken');
writeFileSync(taken, '');

const demo = (engine: string, ...args: readonly string[]) =>
  spawnSync(process.execPath, [join(root, 'examples/demo.mjs'), '--out', taken, ...args], {
    env: { ...process.env, KD_ENGINE: engine },
    encoding: 'utf8',
  });

test.each([
  [
    'wasm',
    [],
    /^on the engine wasm the demo has one method only, SSIM, in .* minutes of processor time; --all has all$/m,
  ],
  ['cpu', [], /^on the engine cpu the demo has one method only, SSIM, in .* days of processor time .*--all has all$/m],
  ['wasm', ['--all'], null],
  ['wasm', ['--quick'], null],
  ['nothing', [], /^error \[PLUGIN_NOT_FOUND\] no engine named "nothing" is installed/m],
])('the demo on %s with %j', (engine, args, said) => {
  const { status, stderr } = demo(engine, ...args);
  expect(status).not.toBe(0);
  if (said === null) expect(stderr).not.toContain('one method only');
  else expect(stderr).toMatch(said);
  if (engine !== 'nothing') expect(stderr).toContain('[RUN_FOLDER]');
});
