import { exists, namesIn } from '#host/files';
import { basename, dirname, join } from '#host/paths';
import { isFolder } from '#host/regular-file';
import type {
  CheckpointFormat,
  ForeignWeights,
  HostTensor,
  NamedTensors,
  WeightsOptions,
  StoredSettings,
} from '../contract/checkpoint.js';
import type { Category } from '../contract/data.js';
import type { Detector } from '../contract/detector.js';
import { KdError } from '../errors.js';
import { checkMembers, checkText, MEMBERS } from '../members.js';
import type { RunFolder } from './run-folder.js';
import { firstNonFinite } from '../finite.js';
import { toHost, wantedBy } from '../variables.js';

/** Which detector a checkpoint holds: enough to build it again. */
export interface DetectorSpec {
  readonly name: string;
  readonly options: unknown;
  readonly categories: readonly Category[];
}

export interface ModelFile {
  readonly file: string;
  /** Null for a file of another program: the config must say what it is. */
  readonly spec: DetectorSpec | null;
  /** By path, e.g. `backbone.body.conv1/kernel`; of a file of another program, by its names. */
  readonly tensors: NamedTensors;
  /** Of a file of another program: what it says of its model beside them. */
  readonly settings?: StoredSettings | undefined;
}

/** Where weights are, as a config says it: a run folder or a file, or that with what is meant of it. */
export type WeightsEntry = string | readonly [path: string, options: WeightsOptions];

export function weightsPath(entry: WeightsEntry): string {
  const path: unknown = Array.isArray(entry) ? entry[0] : entry;
  checkText(path, 'where weights are');
  return path as string;
}
export const weightsOptions = (entry: WeightsEntry): WeightsOptions => (typeof entry === 'string' ? {} : entry[1]);

/** Values of a detector as `student/<path>`. */
export async function detectorTensors(detector: Detector): Promise<Map<string, HostTensor>> {
  const tensors = new Map<string, HostTensor>();
  for (const { path, variable } of detector.variables) tensors.set(`student/${path}`, await toHost(variable));
  return tensors;
}

export const specMetadata = (spec: DetectorSpec): Record<string, string> => ({
  kd: '1',
  detector: JSON.stringify(spec),
});

/** Checkpoints of a run: the last few whole ones (`step-N`), and the weights of the best evaluation (`best`). */
export class Checkpoints {
  readonly #folder: RunFolder;
  readonly #format: CheckpointFormat;
  readonly #keep: number;

  constructor(folder: RunFolder, format: CheckpointFormat, keep: number) {
    this.#folder = folder;
    this.#format = format;
    this.#keep = keep;
  }

  /** @throws KdError NON_FINITE instead of writing weights that are lost */
  async save(step: number, tensors: NamedTensors, metadata: Readonly<Record<string, string>>): Promise<string> {
    refuseLost(tensors, step);
    const file = this.#folder.file('checkpoints', `step-${String(step).padStart(8, '0')}${this.#format.extension}`);
    await this.#format.write(file, tensors, metadata);
    for (const old of (await wholeCheckpoints(this.#folder.path, this.#format)).slice(0, -this.#keep))
      await this.#folder.remove('checkpoints', old);
    return file;
  }

  /** Puts other words beside the tensors of a checkpoint. */
  async annotate(file: string, metadata: Readonly<Record<string, string>>): Promise<void> {
    const stored = await this.#format.read(file);
    await this.#format.write(file, stored.tensors, { ...stored.metadata, ...metadata });
  }

  async saveBest(step: number, tensors: NamedTensors, metadata: Readonly<Record<string, string>>): Promise<string> {
    refuseLost(tensors, step);
    const file = this.#folder.file('checkpoints', `best${this.#format.extension}`);
    await this.#format.write(file, tensors, metadata);
    return file;
  }
}

function refuseLost(tensors: NamedTensors, step: number): void {
  for (const [name, { data }] of tensors) {
    if (!(data instanceof Float32Array) || name.startsWith('state/')) continue;
    const lost = firstNonFinite(data);
    if (lost !== undefined) {
      throw new KdError(
        'NON_FINITE',
        `${name} holds ${lost} after step ${step}, though the loss terms were finite: a gradient was not. Nothing was written of it. Lower the learning rate, or add clipNorm.`,
      );
    }
  }
}

/** Names of the whole checkpoints of a run, oldest first. */
async function wholeCheckpoints(run: string, format: CheckpointFormat): Promise<string[]> {
  const names = await namesIn(join(run, 'checkpoints'));
  return names.filter((name) => name.startsWith('step-') && name.endsWith(format.extension)).sort();
}

/** The whole checkpoint before another one of the same run, or null. */
export async function checkpointBefore(file: string, format: CheckpointFormat): Promise<string | null> {
  const names = await wholeCheckpoints(dirname(dirname(file)), format);
  return names[names.indexOf(basename(file)) - 1] ?? null;
}

/** The newest whole checkpoint of a run, or null. */
export async function latestCheckpoint(run: string, format: CheckpointFormat): Promise<string | null> {
  const last = (await wholeCheckpoints(run, format)).at(-1);
  return last === undefined ? null : join(run, 'checkpoints', last);
}

/** The file behind a run folder or a checkpoint: of a folder, the best weights, else the newest checkpoint. */
export async function findCheckpoint(path: string, format: CheckpointFormat): Promise<string> {
  checkText(path, 'the path of a run folder or a checkpoint');
  checkMembers(format, MEMBERS.format, 'the format of checkpoints', 'USAGE');
  if (!exists(path))
    throw new KdError('CHECKPOINT_INVALID', `${path} does not exist; give the folder of a run or a file of weights.`);
  if (!(await isFolder(path))) return path;
  const best = join(path, 'checkpoints', `best${format.extension}`);
  if (exists(best)) return best;
  const latest = await latestCheckpoint(path, format);
  if (latest === null && exists(join(path, 'saved_model.pb')))
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${path} is a SavedModel of TensorFlow, not the folder of a run. Save its weights as ${format.extension}, under the names that torchvision gives its model of that kind.`,
    );
  if (latest === null)
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${path} has no checkpoint; is it the folder of a run, and did the run reach its first one?`,
    );
  return latest;
}

/**
 * Reads the weights of a detector from a run folder, a checkpoint of ours (averaged weights where there are any), or a
 * file of another program, which {@link weightsFor} brings under our names.
 * @throws KdError CHECKPOINT_INVALID
 */
export async function readModel(
  path: string,
  format: CheckpointFormat,
  { key, ...onNames }: WeightsOptions = {},
): Promise<ModelFile> {
  const file = await findCheckpoint(path, format);
  const { tensors, metadata, settings } = await format.read(file, key === undefined ? {} : { key });
  const text = metadata['detector'];
  if (text === undefined) return { file, spec: null, tensors, settings };
  const unread = Object.entries({ key, ...onNames }).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (unread.length > 0)
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${file} is a checkpoint of @kd, whose names are known: ${unread.join(' and ')} would not be read. Leave ${unread.length > 1 ? 'them' : 'it'} out.`,
    );
  const own = new Map<string, HostTensor>();
  for (const [name, value] of tensors) if (name.startsWith('student/')) own.set(name.slice('student/'.length), value);
  for (const [name, value] of tensors)
    if (name.startsWith('ema/student/')) own.set(name.slice('ema/student/'.length), value);
  return { file, spec: parseSpec(text, file), tensors: own };
}

/** The tensors of a file for a detector, under its names and in its layouts, and what is known of the file. */
export function weightsFor(
  detector: Detector,
  { file, spec, tensors }: ModelFile,
  format: CheckpointFormat,
  { prefix, rename }: WeightsOptions = {},
): { readonly tensors: NamedTensors; readonly foreign: ForeignWeights | null } {
  if (spec !== null || format.importForeign === undefined) return { tensors, foreign: null };
  const foreign = format.importForeign(tensors, { where: file, prefix, rename, wanted: wantedBy(detector) });
  return { tensors: foreign.tensors, foreign };
}

const isCategory = (one: unknown): boolean =>
  typeof one === 'object' && one !== null && typeof (one as Category).name === 'string';

function parseSpec(text: string, file: string): DetectorSpec {
  try {
    const spec = JSON.parse(text) as DetectorSpec;
    if (typeof spec.name === 'string' && Array.isArray(spec.categories) && spec.categories.every(isCategory))
      return spec;
  } catch {
    // told below
  }
  throw new KdError(
    'CHECKPOINT_INVALID',
    `${file}: its metadata "detector" does not name a detector with options and categories.`,
  );
}
