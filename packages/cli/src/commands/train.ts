import { stat } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { KdError, parseConfig, Trainer } from '@kd/core';
import { evaluationLines, jsonLines, terminal } from '@kd/report';
import { INTERRUPTED } from '../failures.js';
import { loadConfig, type LoadedConfig } from '../load-config.js';
import type { Flags } from '../main.js';
import { originWriter, readOrigin } from '../origin.js';
import { withOverrides } from '../overrides.js';
import { ports } from '../ports.js';
import { stopSignal } from '../stop-signal.js';

/** `kd train [CONFIG] --out DIR`, or `kd train --resume DIR`. */
export async function train(argument: string | undefined, flags: Flags): Promise<number> {
  const { loaded, out } = await findConfig(argument, flags);
  const { file, folder } = loaded;
  const config = withOverrides(loaded.config, flags);
  parseConfig(config, relative('.', file));
  const stop = stopSignal();
  try {
    const trainer = new Trainer(config, {
      ...ports, out, folder, resume: flags['resume'] === true, signal: stop.signal, command: `kd ${process.argv.slice(2).join(' ')}`,
      listeners: [terminal(), jsonLines(), originWriter({ config: file, folder })],
    });
    const summary = await trainer.fit();
    if (summary === null) {
      process.stderr.write(`go on with: kd train ${relative('.', file)} --out ${relative('.', out) || '.'} --resume\n`);
      return INTERRUPTED;
    }
    const lines = evaluationLines({ metrics: summary.metrics, perClass: Object.entries(summary.perClass).map(([name, metrics], id) => ({ category: { id, name }, metrics })) });
    process.stdout.write(`${lines.join('\n')}\n${lines.length > 0 ? '\n' : ''}run: ${out}\n`);
    return 0;
  } finally {
    stop.end();
  }
}

async function findConfig(argument: string | undefined, { out, resume }: Flags): Promise<{ readonly loaded: LoadedConfig; readonly out: string }> {
  if (argument === undefined) throw new KdError('USAGE', 'kd train needs a config: kd train CONFIG --out DIR');
  const isFolder = await stat(argument).then((found) => found.isDirectory(), () => false);
  if (!isFolder) return { loaded: await loadConfig(argument), out: resolve(out === undefined ? join('runs', basename(argument).replace(/(\.config)?\.\w+$/, '')) : String(out)) };
  if (resume !== true) throw new KdError('USAGE', `${argument} is a folder; to go on with the run in it: kd train --resume ${argument}`);
  if (out !== undefined && resolve(String(out)) !== resolve(argument)) throw new KdError('USAGE', '--resume goes on in the same run folder; leave --out away.');
  return { loaded: await configOfRun(argument), out: resolve(argument) };
}

/** The config that a run was started with, or what it resolved to where that is gone. */
async function configOfRun(run: string): Promise<LoadedConfig> {
  const origin = await readOrigin(run);
  const isThere = origin !== null && (await stat(origin.config).then(() => true, () => false));
  if (isThere) return loadConfig(origin.config);
  const loaded = await loadConfig(join(run, 'config.json'));
  return { ...loaded, folder: origin?.folder ?? process.cwd() };
}
