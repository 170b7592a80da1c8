import { basename, join, resolve } from 'node:path';
import { KdError, messageOf, readRegularText, writeFileAtomic } from '@kd/core';
import { openDataset, type ReadDataset } from '@kd/data';
import type { Flags } from '../flags.js';
import { dataFolder, readOrigin } from '../origin.js';
import { print, printJson } from '../out.js';
import { positiveFlag } from '../positive-flag.js';
import type { Bank } from '../prototypes/bank.js';
import { cropInstances } from '../prototypes/crops.js';
import { explainedBy } from '../prototypes/explained.js';
import { findBank } from '../prototypes/find-bank.js';
import { prototypesPage } from '../prototypes/page.js';

/**
 * `kd prototypes RUN [--out FILE.html]`: the instances that were chosen as prototypes, and what they explain, as one
 * page.
 */
export async function prototypes(path: string, flags: Flags): Promise<number> {
  const run = resolve(path);
  const out = resolve(flags['out'] === undefined ? join(run, 'prototypes.html') : String(flags['out']));
  const most = positiveFlag(flags, 'instances', 4, 0);
  const { file, plugin, bank } = await findBank(run, {
    ...placeFlag(flags, 'epoch'),
    ...placeFlag(flags, 'step'),
    ...(flags['plugin'] === undefined ? {} : { plugin: String(flags['plugin']) }),
  });
  const labels = classFlag(bank, flags['class']);
  const explained = bank.levels.map((level) => explainedBy(level, most));
  const shown = new Set<number>();
  bank.levels.forEach(({ offsets, instance }, l) => {
    for (const label of labels) {
      for (let row = offsets[label]!; row < offsets[label + 1]!; row++)
        for (const one of [instance[row]!, ...explained[l]![row]!]) shown.add(one);
    }
  });
  const crops = await cropInstances(bank, shown, await trainingData(run));
  await writeFileAtomic(out, prototypesPage({ bank, plugin, run: basename(run), explained, crops, labels }));
  const count = bank.levels.reduce(
    (sum, { offsets }) => sum + labels.reduce((own, label) => own + offsets[label + 1]! - offsets[label]!, 0),
    0,
  );
  if (flags['json'] === true)
    printJson(
      {
        ok: true,
        page: out,
        bank: file,
        plugin,
        step: bank.info.step,
        epoch: bank.info.epoch,
        prototypes: count,
        images: crops.size,
      },
      0,
    );
  else
    print(
      `${count} prototypes of ${labels.length} ${labels.length === 1 ? 'class' : 'classes'} on ${bank.levels.length} levels, made at step ${bank.info.step}: ${out}`,
    );
  return 0;
}

/** The training data of the run, opened again from what its config says. */
async function trainingData(run: string): Promise<ReadDataset> {
  const file = join(run, 'config.json');
  let spec: Readonly<Record<string, unknown>> | undefined;
  try {
    spec = (JSON.parse(await readRegularText(file)) as { data?: { train?: Readonly<Record<string, unknown>> } }).data
      ?.train;
  } catch (cause) {
    throw new KdError('RUN_FOLDER', `${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
  if (typeof spec?.['format'] !== 'string')
    throw new KdError(
      'USAGE',
      `${file} names no training data that can be opened again, so that there are no images to show; only data of the formats coco, voc and synthetic can.`,
    );
  return openDataset(spec, dataFolder(await readOrigin(run)));
}

function placeFlag(flags: Flags, name: 'epoch' | 'step'): { readonly [key in 'epoch' | 'step']?: number } {
  const value = flags[name];
  if (value === undefined) return {};
  if (typeof value === 'number' && value >= 0) return { [name]: value };
  throw new KdError(
    'USAGE',
    `--${name} ${String(value)}: expected the number of ${name === 'epoch' ? 'an epoch' : 'a step'}.`,
  );
}

function classFlag({ info }: Bank, name: unknown): readonly number[] {
  if (name === undefined) return info.classes.map((_, label) => label);
  const label = info.classes.indexOf(String(name));
  if (label < 0)
    throw new KdError(
      'USAGE',
      `there is no class "${String(name)}" in the bank; there are ${info.classes.join(', ')}.`,
    );
  return [label];
}
