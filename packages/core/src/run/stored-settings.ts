import { classDifference } from '../class-lists.js';
import type { Category } from '../contract/data.js';
import type { DetectorDefinition } from '../contract/detector.js';
import type { Use } from '../define.js';
import { KdError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { ModelFile } from './checkpoints.js';

type Read = Pick<ModelFile, 'file' | 'settings'>;

/** A detector with what the file of its weights says of input and backbone; what was taken over is told. */
export function withStoredSettings(
  use: Use<DetectorDefinition>,
  { file, settings }: Read,
  logger: Logger,
): Use<DetectorDefinition> {
  const found = settings && use.definition.withStored?.(use.options, settings);
  if (found === undefined) return use;
  const { options, taken, doubts } = found;
  if (taken.length > 0)
    logger.info(`${file} says in its ${settings!.from ?? 'names'}, and it is used: ${taken.join(', ')}`);
  for (const doubt of doubts) logger.warn(`${file}: ${doubt}`);
  return { ...use, options };
}

/**
 * Tells what the file that a student starts from says of input and backbone and the student's options do not. They are
 * left as they are: a run that is resumed does not read the file again.
 */
export function tellStoredSettings(use: Use<DetectorDefinition>, { file, settings }: Read, logger: Logger): void {
  const found = settings && use.definition.withStored?.(use.options, settings);
  if (found === undefined) return;
  const { taken, doubts } = found;
  if (taken.length > 0)
    logger.warn(
      `init: ${file} says in its ${settings!.from ?? 'names'} what the student's options do not: ${taken.join(', ')}. Give the student these options, or its weights see other pixels than they were trained on.`,
    );
  for (const doubt of doubts) logger.warn(`init: ${file}: ${doubt}`);
}

/**
 * The classes that a file of another program names, else `wanted`; where both are there and differ, it is told.
 * @throws KdError CHECKPOINT_INVALID for the same names in another order: boxes would be called what they are not
 */
export function withStoredClasses(
  wanted: readonly Category[] | undefined,
  { file, settings }: Read,
  logger: Logger,
): readonly Category[] | undefined {
  const names = settings?.classes;
  if (names === undefined) return wanted;
  if (wanted === undefined) return names.map((name, i) => ({ id: i + 1, name }));
  const given = { of: 'the data', names: wanted.map(({ name }) => name) };
  const difference = classDifference({ of: 'the file', names }, given);
  if (difference === null) return wanted;
  if (given.names.length === names.length && names.every((name) => given.names.includes(name)))
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${file} names its classes ${names.join(', ')}, the data have ${given.names.join(', ')}: ${difference}. Give the data "classes": ${JSON.stringify(names)}.`,
    );
  logger.warn(`${file} names its classes, and the data have others: ${difference}. Those of the data are taken.`);
  return wanted;
}
