import { exists } from '#host/files';
import type { NamedTensors } from '../contract/checkpoint.js';
import type { PassView } from '../contract/plugin.js';
import { isKdError, KdError } from '../errors.js';
import { fingerprintOfData, fingerprintOfFrozen } from '../fingerprint.js';
import type { PassContext } from './pass-context.js';
import type { Distiller } from '../plugins/plugin-host.js';

const NAME = /^\w[\w.-]*$/;

/** All that a result depends on besides the student: equal texts, equal results. */
export async function madeFrom(
  { name, options }: Pick<Distiller, 'name' | 'options'>,
  { teacher, student, dataset, run }: PassContext,
): Promise<string> {
  return JSON.stringify(
    {
      plugin: name,
      options,
      teacher: await fingerprintOfFrozen(teacher),
      data: fingerprintOfData(dataset),
      input: student.input,
      ...run,
    },
    functionsAsText,
  );
}

/** An option may be a function, a selector say: another one makes another result. */
const functionsAsText = (_: string, value: unknown): unknown => (typeof value === 'function' ? String(value) : value);

/** A file of the run that is there, whole, and was made from the same, or null. A damaged one is warned of. */
export async function readSame(
  file: string,
  same: Readonly<Record<string, string>>,
  { format, logger }: Pick<PassContext, 'format' | 'logger'>,
): Promise<NamedTensors | null> {
  if (!exists(file)) return null;
  const stored = await format.read(file).catch((cause: unknown) => {
    if (!isKdError(cause) || cause.code !== 'CHECKPOINT_INVALID') throw cause;
    logger.warn(`a result of a data set pass is damaged and made again: ${cause.message.replaceAll('\n', ' ')}`);
    return null;
  });
  if (stored === null) return null;
  const { tensors, metadata, hashed } = stored;
  if (hashed === false) {
    logger.warn(
      `a result of a data set pass is damaged and made again: ${file} lacks the hash that it was written with.`,
    );
    return null;
  }
  return Object.entries(same).every(([key, value]) => metadata[key] === value) ? tensors : null;
}

/** Tensors of a plugin's passes that are made once for a run. */
export function passCache(
  distiller: Pick<Distiller, 'id' | 'name' | 'options'>,
  context: PassContext,
): PassView['cached'] {
  const { id } = distiller;
  const { folder, format } = context;
  return async (name, make) => {
    if (!NAME.test(name))
      throw new KdError(
        'PLUGIN_HOOK',
        `${id}.datasetPass: cached("${name}") cannot be a file name; use letters, digits, "_", "-" and ".".`,
      );
    const file = folder.file('passes', id, 'cache', `${name}${format.extension}`);
    const from = await madeFrom(distiller, context);
    const known = await readSame(file, { madeFrom: from }, context);
    if (known !== null) return known;
    await format.write(file, await make(), { kd: '1', plugin: id, madeFrom: from });
    // Read back, so that the first pass sees bit for bit what the later ones see.
    return (await format.read(file)).tensors;
  };
}
