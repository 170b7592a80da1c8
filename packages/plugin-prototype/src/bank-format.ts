import { type HostTensor, KdError, messageOf, type NamedTensors } from '@kd/core';

/** What a bank says in words. */
export interface BankInfo {
  readonly format: 2;
  /** Steps and epochs of the student that saw the instances. */
  readonly step: number;
  readonly epoch: number;
  /** Names, in the order of the labels. */
  readonly classes: readonly string[];
  /** Ids of the images that instances are from, as the annotations have them. */
  readonly images: readonly (number | string)[];
  /** Finest first. */
  readonly levels: readonly BankLevelInfo[];
  /** How they were chosen: `pgm`, `kmeans`, …, or `function`. */
  readonly select: string;
  /** Prototypes a class and level at the most. */
  readonly count: number;
  /** Per class, the images that were sampled and the instances in them. */
  readonly sampled: readonly { readonly images: number; readonly instances: number }[];
}

export interface BankLevelInfo {
  /** Name of the student's tap. */
  readonly tap: string;
  readonly stride: number;
  readonly studentChannels: number;
  readonly teacherChannels: number;
  /** Per class. `chosen` now, `kept` from the bank before, or `empty`. */
  readonly classes: readonly {
    readonly source: 'chosen' | 'kept' | 'empty';
    readonly instances: number;
    readonly dropped: number;
    readonly filterIgnored: boolean;
  }[];
}

/** Prototypes of one level; rows of class c are `offsets[c]` to `offsets[c + 1]`. */
export interface BankLevel {
  /** [p, dt] pooled, not normalised */
  readonly teacher: Float32Array;
  /** [p, ds] */
  readonly student: Float32Array;
  /** [k + 1] */
  readonly offsets: Int32Array;
  /** [p] row of the instances */
  readonly instance: Int32Array;
  /** [p] energy that the pick removed, 0 for a kept one */
  readonly gain: Float64Array;
  /** [k] energy of the class before the first pick: twice its instances, where rows are normalised */
  readonly energy: Float64Array;
  /** [p] instances that it is nearest to, itself included; 0 for a kept one */
  readonly explained: Int32Array;
  /** [n] row of this level that is nearest to the instance, of its class; -1 for none */
  readonly nearest: Int32Array;
  /** [n] cosine with it, the mean of both spaces' */
  readonly cosine: Float32Array;
}

/**
 * Prototypes of every class and level, and the instances that they were chosen from. As tensors (in the run folder
 * under `passes/<plugin id>/`, and
 * in checkpoints) it is `info` (U8, JSON of {@link BankInfo}), `instances/image` (I32 [n]), `instances/box` (F32 [n,
 * 4]), `instances/label` (I32 [n]) and,
 * for every level l from 0, `level<l>/<name>` for the names of {@link BankLevel}, with the shapes that stand there.
 */
export interface Bank {
  readonly info: BankInfo;
  readonly instances: {
    /** [n] place in `info.images` */
    readonly image: Int32Array;
    /** [n, 4] x1 y1 x2 y2 in pixels of the original image */
    readonly box: Float32Array;
    /** [n] place in `info.classes` */
    readonly label: Int32Array;
  };
  readonly levels: readonly BankLevel[];
}

export function writeBank({ info, instances, levels }: Bank): NamedTensors {
  const n = instances.label.length;
  const tensors = new Map<string, HostTensor>();
  const add = (name: string, data: HostTensor['data'], shape: readonly number[] = [data.length]): void =>
    void tensors.set(name, { dtype: dtypeOf(data), shape, data });
  add('info', new TextEncoder().encode(JSON.stringify(info)));
  add('instances/image', instances.image);
  add('instances/box', instances.box, [n, 4]);
  add('instances/label', instances.label);
  levels.forEach((level, l) => {
    const { teacherChannels, studentChannels } = info.levels[l]!;
    const p = level.instance.length;
    for (const [name, data] of Object.entries(level) as [keyof BankLevel, HostTensor['data']][]) {
      const wide = name === 'teacher' ? [p, teacherChannels] : name === 'student' ? [p, studentChannels] : undefined;
      add(`level${l}/${name}`, data, wide);
    }
  });
  return tensors;
}

function dtypeOf(data: HostTensor['data']): HostTensor['dtype'] {
  if (data instanceof Float32Array) return 'F32';
  if (data instanceof Float64Array) return 'F64';
  return data instanceof Int32Array ? 'I32' : 'U8';
}

/** Whether tensors are a bank of an earlier version, which says less and has to be made again. */
export function isEarlierBank(tensors: NamedTensors): boolean {
  const info = tensors.get('info')?.data;
  try {
    return (
      info instanceof Uint8Array &&
      (JSON.parse(new TextDecoder().decode(info)) as { readonly format: unknown }).format === 1
    );
  } catch {
    return false;
  }
}

/** @throws KdError CHECKPOINT_INVALID for tensors that are no bank */
export function readBank(tensors: NamedTensors): Bank {
  const invalid = (why: string, cause?: unknown): KdError =>
    new KdError(
      'CHECKPOINT_INVALID',
      `this is no bank of prototypes: ${why}. Delete the plugin's folder under passes/ in the run folder to have it made again.`,
      { cause },
    );
  const get = <T extends HostTensor['data']>(name: string, type: new (...args: never[]) => T, length?: number): T => {
    const data = tensors.get(name)?.data;
    if (!(data instanceof type)) throw invalid(`${name} is ${data === undefined ? 'missing' : 'of another type'}`);
    if (length !== undefined && data.length !== length)
      throw invalid(`${name} has ${data.length} elements, not ${length}`);
    return data;
  };
  let info: BankInfo;
  try {
    info = JSON.parse(new TextDecoder().decode(get('info', Uint8Array))) as BankInfo;
  } catch (cause) {
    if (cause instanceof KdError) throw cause;
    throw invalid(`info is not JSON (${messageOf(cause)})`, cause);
  }
  if (info.format !== 2) throw invalid(`its format is ${JSON.stringify(info.format)}, this version reads 2`);
  const label = get('instances/label', Int32Array);
  const [n, k] = [label.length, info.classes.length];
  const levels = info.levels.map(({ teacherChannels, studentChannels }, l): BankLevel => {
    const offsets = get(`level${l}/offsets`, Int32Array, k + 1);
    const p = offsets[k]!;
    return {
      teacher: get(`level${l}/teacher`, Float32Array, p * teacherChannels),
      student: get(`level${l}/student`, Float32Array, p * studentChannels),
      offsets,
      instance: get(`level${l}/instance`, Int32Array, p),
      gain: get(`level${l}/gain`, Float64Array, p),
      energy: get(`level${l}/energy`, Float64Array, k),
      explained: get(`level${l}/explained`, Int32Array, p),
      nearest: get(`level${l}/nearest`, Int32Array, n),
      cosine: get(`level${l}/cosine`, Float32Array, n),
    };
  });
  return {
    info,
    instances: { image: get('instances/image', Int32Array, n), box: get('instances/box', Float32Array, n * 4), label },
    levels,
  };
}
