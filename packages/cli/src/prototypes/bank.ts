import { type HostTensor, KdError, messageOf, type NamedTensors } from '@kd/core';

/** A bank of prototypes as its file has it; what a page needs of it. The names are those that the plugin documents. */
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

export interface BankInfo {
  readonly step: number;
  readonly epoch: number;
  readonly classes: readonly string[];
  readonly images: readonly (number | string)[];
  readonly select: string;
  /** Prototypes a class and level at the most. */
  readonly count: number;
  readonly levels: readonly {
    readonly tap: string;
    readonly stride: number;
    readonly classes: readonly {
      readonly source: string;
      readonly instances: number;
      readonly dropped: number;
      readonly filterIgnored: boolean;
    }[];
  }[];
  readonly sampled: readonly { readonly images: number; readonly instances: number }[];
}

export interface BankLevel {
  /** [k + 1]: rows of class c are `offsets[c]` to `offsets[c + 1]` */
  readonly offsets: Int32Array;
  /** [p] row of the instances */
  readonly instance: Int32Array;
  /** [p] energy that the pick removed */
  readonly gain: Float64Array;
  /** [k] energy of the class before the first pick */
  readonly energy: Float64Array;
  /** [p] instances that it is nearest to, itself included */
  readonly explained: Int32Array;
  /** [n] prototype of its class that is nearest to the instance, -1 for none */
  readonly nearest: Int32Array;
  /** [n] cosine with it, the mean of both models' features */
  readonly cosine: Float32Array;
}

export const isBank = (tensors: NamedTensors): boolean => tensors.has('info') && tensors.has('instances/label');

/** @throws KdError CHECKPOINT_INVALID naming the file and what is wrong with it */
export function bankOf(tensors: NamedTensors, file: string): Bank {
  const invalid = (why: string, cause?: unknown): KdError =>
    new KdError(
      'CHECKPOINT_INVALID',
      `${file} is damaged, no bank of prototypes, or one of another version: ${why}. Name another one with --epoch, or delete it and go on with --resume to have it made again.`,
      { cause },
    );
  const get = <T extends HostTensor['data']>(name: string, type: new (...args: never[]) => T, length: number): T => {
    const data = tensors.get(name)?.data;
    if (!(data instanceof type))
      throw invalid(`its tensor ${name} is ${data === undefined ? 'missing' : 'of another type'}`);
    if (data.length !== length) throw invalid(`its tensor ${name} has ${data.length} elements where ${length} belong`);
    return data;
  };
  /** Places outside of a list would show the wrong thing, or nothing. */
  const within = (name: string, values: Int32Array, low: number, end: number): Int32Array => {
    const wrong = values.find((value) => value < low || value >= end);
    if (wrong !== undefined) throw invalid(`its tensor ${name} holds ${wrong}, outside of ${low} to ${end - 1}`);
    return values;
  };
  const info = infoOf(tensors, invalid);
  const [n, k] = [tensors.get('instances/label')?.data.length ?? 0, info.classes.length];
  const levels = info.levels.map((_, l): BankLevel => {
    const name = (of: string): string => `level${l}/${of}`;
    const offsets = get(name('offsets'), Int32Array, k + 1);
    if (offsets[0] !== 0 || offsets.some((value, c) => c > 0 && value < offsets[c - 1]!))
      throw invalid(`its tensor ${name('offsets')} does not rise from 0`);
    const p = offsets[k]!;
    return {
      offsets,
      instance: within(name('instance'), get(name('instance'), Int32Array, p), 0, n),
      gain: get(name('gain'), Float64Array, p),
      energy: get(name('energy'), Float64Array, k),
      explained: get(name('explained'), Int32Array, p),
      nearest: within(name('nearest'), get(name('nearest'), Int32Array, n), -1, p),
      cosine: get(name('cosine'), Float32Array, n),
    };
  });
  return {
    info,
    levels,
    instances: {
      image: within('instances/image', get('instances/image', Int32Array, n), 0, info.images.length),
      box: get('instances/box', Float32Array, 4 * n),
      label: within('instances/label', get('instances/label', Int32Array, n), 0, k),
    },
  };
}

function infoOf(tensors: NamedTensors, invalid: (why: string, cause?: unknown) => KdError): BankInfo {
  const bytes = tensors.get('info')?.data;
  if (!(bytes instanceof Uint8Array)) throw invalid('its tensor info is missing or of another type');
  let info: BankInfo & { readonly format: unknown };
  try {
    info = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as typeof info;
  } catch (cause) {
    throw invalid(`its tensor info is no JSON (${messageOf(cause)})`, cause);
  }
  if (typeof info !== 'object' || info === null || info.format !== 2)
    throw invalid(`its format is ${JSON.stringify(info?.format)}, and this version of kd reads 2`);
  const lists = { classes: info.classes, images: info.images, levels: info.levels, sampled: info.sampled };
  for (const [name, list] of Object.entries(lists))
    if (!Array.isArray(list)) throw invalid(`its info has no list of ${name}`);
  if (
    info.sampled.length !== info.classes.length ||
    info.levels.some(({ classes }) => !Array.isArray(classes) || classes.length !== info.classes.length)
  )
    throw invalid('its info does not speak of every class');
  return info;
}
