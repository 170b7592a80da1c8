import type { DetectorDefinition } from '../contract/detector.js';
import type { Use } from '../define.js';
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
  if (taken.length > 0) logger.info(`${file} says in its ${settings!.from}, and it is used: ${taken.join(', ')}`);
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
      `init: ${file} says in its ${settings!.from} what the student's options do not: ${taken.join(', ')}. Give the student these options, or its weights see other pixels than they were trained on.`,
    );
  for (const doubt of doubts) logger.warn(`init: ${file}: ${doubt}`);
}
