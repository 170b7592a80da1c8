import { sha256 } from '#host/sha256';
import type { Sha256 } from './host/sha256.js';
import type { Dataset } from './contract/data.js';
import type { Detector } from './contract/detector.js';
import { toHost } from './variables.js';

type Named = { readonly path: string; readonly variable: Detector['variables'][number]['variable'] };

async function addValues(hash: Sha256, variables: readonly Named[]): Promise<void> {
  for (const { path, variable } of variables) {
    const { data } = await toHost(variable);
    hash.update(path).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
}

/** Changes when a value does: what a result was made from, wherever its file lay. */
export async function fingerprintOfValues(...variables: readonly (readonly Named[])[]): Promise<string> {
  const hash = sha256();
  for (const some of variables) await addValues(hash, some);
  return hash.digest().slice(0, 16);
}

/** Neither changes during a run, so that each is looked at once. */
const frozen = new WeakMap<Detector, Promise<string>>();
const told = new WeakMap<Detector, () => Promise<string>>();
const datasets = new WeakMap<Dataset, string>();

/** Of the values of a detector that is not trained. */
export function fingerprintOfFrozen(detector: Detector): Promise<string> {
  const known = frozen.get(detector) ?? told.get(detector)?.() ?? fingerprintOfValues(detector.variables);
  frozen.set(detector, known);
  return known;
}

/** Of a model whose values are not variables, or not all that its features depend on. */
export const setFingerprint = (detector: Detector, fingerprint: () => Promise<string>): void =>
  void told.set(detector, fingerprint);

export const fingerprintOfText = (text: string): string => sha256().update(text).digest().slice(0, 16);

/** Of the annotations and the names of the images; their pixels are not read. */
export function fingerprintOfData(dataset: Dataset): string {
  const known = datasets.get(dataset) ?? hashOfData(dataset);
  datasets.set(dataset, known);
  return known;
}

function hashOfData({ categories, images }: Dataset): string {
  const hash = sha256().update(JSON.stringify(categories));
  for (const image of images) hash.update(JSON.stringify(image));
  return hash.digest().slice(0, 16);
}
