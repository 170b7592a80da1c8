import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Trains a config into a folder, or goes on where it was stopped; a folder with a summary.json is done. Ends the
 * process when a run fails.
 */
export function trainOnce(config, out, env) {
  if (existsSync(join(out, 'summary.json'))) return;
  const started =
    existsSync(join(out, 'checkpoints')) &&
    readdirSync(join(out, 'checkpoints')).some((file) => file.startsWith('step-'));
  const args = ['packages/cli/dist/bin.js', 'train', config, '--out', out, ...(started ? ['--resume'] : [])];
  process.stderr.write(
    `\n== ${Object.entries(env)
      .map(([name, value]) => `${name}=${value} `)
      .join('')}kd ${args.slice(1).join(' ')}\n`,
  );
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  if (status !== 0) process.exit(status ?? 1);
}
