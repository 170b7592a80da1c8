import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Config, consoleLogger, isFolder, type Listener, KdError, parseConfig, Trainer } from '@kd/core';
import { detectionsFile, evaluationLines, jsonLines, profileFiles, tensorboard, terminal } from '@kd/report';
import { warnOfCopies } from '../copies.js';
import { drawDetections } from '../draw-detections.js';
import { onEngine } from '../engine-choice.js';
import { INTERRUPTED } from '../failures.js';
import { loadConfig, type LoadedConfig } from '../load-config.js';
import type { Flags } from '../flags.js';
import { loadNamed } from '../load-named.js';
import { ORIGIN, originWriter, readOrigin } from '../origin.js';
import { type Overrides, overridesOf, overrideWords, selectsCode, withOverrides } from '../overrides.js';
import { print, tell } from '../out.js';
import { ports } from '../ports.js';
import { positiveFlag } from '../positive-flag.js';
import { shownPath } from '../shown-path.js';
import { stopSignal } from '../stop-signal.js';
import { loadRun, nameOfConfig } from '../study/load-study.js';

/** `kd train [CONFIG] --out DIR`, or `kd train --resume DIR`. */
export async function train(argument: string | undefined, flags: Flags): Promise<number> {
  const profile = profileOf(flags);
  const { loaded, out, overrides, namedBy } = await findRun(argument, flags);
  if (existsSync(join(out, 'study.json')))
    throw new KdError(
      'RUN_FOLDER',
      `${shownPath(out)} is the folder of a study (there is study.json in it); a run has a folder of its own, ${shownPath(join(out, String(overrides.run ?? 'NAME')))} say: name it with --out.`,
    );
  const { file, folder } = loaded;
  const config = withOverrides(onEngine(loaded.config), overrides);
  await warnOfCopies(parseConfig(config, shownPath(file)), folder, consoleLogger);
  const stop = stopSignal();
  try {
    const trainer = new Trainer(config, {
      ...ports,
      out,
      folder,
      ...(namedBy === undefined ? {} : { namedBy }),
      resume: flags['resume'] === true,
      signal: stop.signal,
      command: `kd ${process.argv.slice(2).join(' ')}`,
      ...(profile === undefined ? {} : { profile }),
      listeners: [
        terminal(),
        jsonLines(),
        detectionsFile(),
        originWriter({ config: file, folder, overrides }),
        ...(profile === undefined ? [] : [profileFiles()]),
        ...(flags['tensorboard'] === true ? [await eventFiles(config, folder)] : []),
      ],
    });
    const summary = await trainer.fit();
    if (summary === null) {
      tell(`go on with: kd train ${shownPath(file)} --out ${shownPath(out)} --resume${overrideWords(overrides)}`);
      return INTERRUPTED;
    }
    const lines = evaluationLines({
      ...summary.evaluation,
      metrics: summary.metrics,
      perClass: Object.entries(summary.perClass).map(([name, metrics], id) => ({ category: { id, name }, metrics })),
    });
    // What it draws with is loaded now: a training needs its memory for itself.
    const wanted = flags['report'] !== false && config.report !== false;
    const page = !wanted ? null : await (await import('../report/write-page.js')).pageBeside(out);
    print(
      ...lines,
      ...(lines.length > 0 ? [''] : []),
      `run: ${out}`,
      ...(page === null ? [] : [`report: ${shownPath(page)}`]),
    );
    return 0;
  } finally {
    stop.end();
  }
}

/** What `--profile` asks for; alone it means 20 steps. */
function profileOf(flags: Flags): { readonly steps: number } | undefined {
  if (flags['profile'] === undefined) return undefined;
  return { steps: flags['profile'] === true ? 20 : positiveFlag(flags, 'profile', 20) };
}

/** For TensorBoard, with pictures where the validation data give some. */
async function eventFiles({ data: { val } }: Config, folder: string): Promise<Listener> {
  const draw = val === undefined ? null : await drawDetections(val, { folder });
  if (val !== undefined && draw === null)
    tell('note: the data source of data.val gives no single images, so that TensorBoard gets scalars alone');
  return tensorboard(draw === null ? {} : { draw });
}

interface FoundRun {
  readonly loaded: LoadedConfig;
  readonly out: string;
  readonly overrides: Overrides;
  /** A file of the run folder that names plugins, where no person does. */
  readonly namedBy?: string;
}

async function findRun(argument: string | undefined, flags: Flags): Promise<FoundRun> {
  const { out, resume } = flags;
  if (argument === undefined) throw new KdError('USAGE', 'kd train needs a config: kd train CONFIG --out DIR');
  if (!(await isFolder(argument))) {
    const overrides = overridesOf(flags);
    const given = out === undefined ? undefined : resolve(String(out));
    return {
      ...(await loadNamed(argument, { run: overrides.run, out: given })),
      out: given ?? resolve('runs', nameOfConfig(argument), String(overrides.run ?? '')),
      overrides,
    };
  }
  if (resume !== true)
    throw new KdError('USAGE', `${argument} is a folder; to go on with the run in it: kd train --resume ${argument}`);
  if (out !== undefined && resolve(String(out)) !== resolve(argument))
    throw new KdError('USAGE', '--resume goes on in the same run folder; leave --out away.');
  return { ...(await runAsStarted(argument, overridesOf(flags))), out: resolve(argument) };
}

/** The config that a run was started with and what was set over it; where that is gone, what it resolved to. */
async function runAsStarted(run: string, now: Overrides): Promise<Omit<FoundRun, 'out'>> {
  const { config, folder, overrides, refused } = await readOrigin(run);
  if (refused !== null)
    throw new KdError('RUN_FOLDER', `${refused}. Name the config yourself: kd train CONFIG --out ${run} --resume`);
  if (config !== null) {
    consoleLogger.info(`config: ${shownPath(config)}, with which the run was started${overrideWords(overrides)}`);
    return {
      loaded: await loadRun(config, { run: overrides.run, out: run }),
      overrides: { ...overrides, ...now },
      ...(selectsCode(overrides) ? { namedBy: join(run, ORIGIN) } : {}),
    };
  }
  const file = join(run, 'config.json');
  const loaded = await loadConfig(file);
  return { loaded: { ...loaded, folder: folder ?? process.cwd() }, overrides: now, namedBy: file };
}
