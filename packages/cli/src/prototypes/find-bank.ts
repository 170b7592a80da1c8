import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { KdError } from '@kd/core';
import { ports } from '../ports.js';
import { type Bank, bankOf, isBank } from './bank.js';

export interface FoundBank {
  readonly file: string;
  readonly plugin: string;
  readonly bank: Bank;
}

interface PassFile {
  readonly plugin: string;
  readonly file: string;
  /** `epoch` or `step` */
  readonly kind: string;
  readonly at: number;
}

export interface Wanted {
  readonly epoch?: number;
  readonly step?: number;
  /** Id of the plugin in the run, where several have a bank. */
  readonly plugin?: string;
}

/**
 * The newest bank of prototypes of a run, or that of an epoch or a step.
 * @throws KdError RUN_FOLDER where there is none, CHECKPOINT_INVALID for a damaged one
 */
export async function findBank(run: string, wanted: Wanted): Promise<FoundBank> {
  const files = await passFiles(run);
  const banks = new Map<string, PassFile[]>();
  for (const plugin of new Set(files.map((one) => one.plugin))) {
    const own = files.filter((one) => one.plugin === plugin);
    if (await holdsBanks(own)) banks.set(plugin, own);
  }
  if (banks.size === 0) {
    throw new KdError(
      'RUN_FOLDER',
      `${run} holds no bank of prototypes${files.length === 0 ? '' : `, only other passes (${[...new Set(files.map(({ plugin }) => plugin))].join(', ')})`}; it is made before the first step of a run with the distiller "prototype".`,
    );
  }
  const plugin = wanted.plugin ?? [...banks.keys()][0]!;
  const own = banks.get(plugin);
  if (own === undefined || (wanted.plugin === undefined && banks.size > 1)) {
    throw new KdError(
      'USAGE',
      `${own === undefined ? `there is no bank of "${plugin}"` : 'several distillers have a bank'}; give --plugin ${[...banks.keys()].join(' or --plugin ')}.`,
    );
  }
  const { file } =
    own.findLast(
      ({ kind, at }) =>
        (wanted.epoch === undefined || (kind === 'epoch' && at === wanted.epoch)) &&
        (wanted.step === undefined || (kind === 'step' && at === wanted.step)),
    ) ?? none(run, plugin, own, wanted);
  return { file, plugin, bank: bankOf((await ports.format.read(file)).tensors, file) };
}

/** By the newest file that can be read; where none can, the error of the newest tells why. */
async function holdsBanks(own: readonly PassFile[]): Promise<boolean> {
  let failure: unknown;
  for (const { file } of [...own].reverse()) {
    try {
      return isBank((await ports.format.read(file)).tensors);
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

function none(run: string, plugin: string, own: readonly PassFile[], { epoch, step }: Wanted): never {
  const asked = [epoch === undefined ? [] : [`epoch ${epoch}`], step === undefined ? [] : [`step ${step}`]]
    .flat()
    .join(' and ');
  throw new KdError(
    'USAGE',
    `${run} has no bank of ${asked} of "${plugin}"; it has ${own.map(({ kind, at }) => `${kind} ${at}`).join(', ')}.`,
  );
}

/** The passes of a run, oldest first. @throws KdError RUN_FOLDER */
async function passFiles(run: string): Promise<PassFile[]> {
  if (
    !(await stat(join(run, 'config.json')).then(
      () => true,
      () => false,
    ))
  )
    throw new KdError('RUN_FOLDER', `${run} is not the folder of a run: there is no config.json in it.`);
  const plugins = await readdir(join(run, 'passes')).catch(() => []);
  const found = await Promise.all(
    plugins.sort().map(async (plugin) => {
      const names = await readdir(join(run, 'passes', plugin)).catch(() => []);
      return Promise.all(
        names.map(async (name) => {
          const [, kind, at] = /^(epoch|step)-(\d+(?:\.\d+)?)\.safetensors$/.exec(name) ?? [];
          const file = join(run, 'passes', plugin, name);
          if (kind === undefined) return [];
          // What cannot be looked at, a link that leads nowhere say, is told of when it is read.
          const written = await stat(file).then(
            ({ mtimeMs }) => mtimeMs,
            () => 0,
          );
          return [{ plugin, file, kind, at: Number(at), written }];
        }),
      );
    }),
  );
  // Times of writing only decide between kinds: the period of a run was changed.
  return found.flatMap((own) => own.flat().sort((a, b) => (a.kind === b.kind ? a.at - b.at : a.written - b.written)));
}
