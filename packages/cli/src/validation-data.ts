import { type Category, classDifference, KdError } from '@kd/core';
import { dataSource, type ReadDataset } from '@kd/data';
import type { DataArgument } from './data-argument.js';
import { byModelClasses } from './match-classes.js';
import type { FoundModel } from './open-model.js';
import { tell } from './out.js';

export const evaluationSettings = ({ config }: FoundModel): Readonly<Record<string, unknown>> =>
  (config?.['evaluate'] ?? {}) as Readonly<Record<string, unknown>>;

/** As in the run: how images are padded depends on those beside them. */
export function batchSizeOfRun(found: FoundModel): number | undefined {
  const { batchSize = found.config?.['batchSize'] } = evaluationSettings(found);
  return typeof batchSize === 'number' ? batchSize : undefined;
}

/** The validation data of a run. @throws KdError USAGE where it was made by code */
export function validationData({ config, folder }: Pick<FoundModel, 'config' | 'folder'>, path: string): DataArgument {
  const spec = (config?.['data'] as { val?: Record<string, unknown> } | undefined)?.val;
  if (typeof spec?.['format'] !== 'string')
    throw new KdError(
      'USAGE',
      `${path} names no validation data that can be opened again; say which with --coco JSON --images DIR, --voc ROOT --split NAME, or --data.`,
    );
  return { spec, folder };
}

/** Opens the data and checks that its classes are the model's. */
export async function openData(
  { spec, folder }: DataArgument,
  known: readonly Category[] | null,
): Promise<ReadDataset> {
  const names = known?.map(({ name }) => name);
  const dataset = await dataSource(spec).open({ folder, ...(names === undefined ? {} : { classes: names }) });
  if (names === undefined) return dataset;
  const own = dataset.categories.map(({ name }) => name);
  const difference = classDifference({ of: 'the model', names }, { of: dataset.name, names: own });
  // Who names classes of the data says which are meant; else a class that is missing is a file that is none of them.
  const matched = difference === null || spec['classes'] === undefined ? null : byModelClasses(dataset, names);
  if (matched !== null) {
    const others = names.filter((name) => !own.includes(name));
    if (others.length > 0) tell(`note: not measured are ${others.join(', ')} of the model, which the data has not`);
    return matched;
  }
  if (difference !== null)
    throw new KdError(
      'DATA_INVALID',
      `the classes of the model and of the data differ: ${difference}. ${names.every((name) => own.includes(name)) ? `Give the data the model's list: --classes '${JSON.stringify(names)}', or "classes" in --data.` : 'Evaluate on data that has the classes of the model.'}`,
    );
  return dataset;
}
