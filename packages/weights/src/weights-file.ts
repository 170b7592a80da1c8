import { KdError, type NamedTensors } from '@kd/core';
import { DTYPES, elementCount } from './dtypes.js';
import { readSafetensors } from './safetensors.js';
import { openTorch } from '#host/open-torch';
import { type PlainData, plainData } from './torch/plain-data.js';
import type { TorchTensor } from './torch/pickle-value.js';
import { findStateDict } from './torch/state-dict.js';
import { refusal } from './torch/tensor-values.js';
import { torchTensors } from './torch/torch-tensors.js';
import { TORCH_DTYPES } from './torch/torch-dtypes.js';
import { type TorchFile, torchError } from './torch/torch-file.js';

export interface TensorInfo {
  /** As safetensors calls it, `F32`, or as torch does where it has no name there: `complex64`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Why nobody can have its numbers, `it is sparse` say; null where everybody can. */
  readonly refused: string | null;
}

/** A file of weights, of whatever program: what is in it is known, its numbers are read when they are wanted. */
export interface WeightsFile {
  readonly file: string;
  readonly container: 'safetensors' | TorchFile['container'];
  /** Where the state dict lies in what torch saved; null where that is the state dict itself, or of safetensors. */
  readonly key: string | null;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Of a checkpoint of torch its `meta`, as plain data; of safetensors its metadata. */
  readonly meta: PlainData;
  /** Strings beside the tensors, which safetensors has. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Whether it has a hash, which it was compared with; of safetensors alone. */
  readonly hashed?: boolean;
  /** What was chosen or left out without being asked for, in words. */
  readonly notes: readonly string[];
  /**
   * The tensors themselves. Those of torch are read from the file whenever their `data` is asked for, each time anew;
   * data that nobody can have is an error then (CHECKPOINT_INVALID).
   */
  readonly values: NamedTensors;
}

/**
 * Opens a file of weights: safetensors, or what `torch.save` writes in any of its three containers. Nothing in it is
 * executed. The file has to stay as it is as long as its tensors are wanted.
 * @param key of the state dict, where the file holds several: `ema_state_dict`, or `models.teacher` for one inside of
 *   another dict
 * @throws KdError CHECKPOINT_INVALID
 */
export async function openWeights(
  file: string,
  { key }: { readonly key?: string | undefined } = {},
): Promise<WeightsFile> {
  const opened = await openTorch(file);
  return opened === null ? openSafetensors(file, key) : torchWeights(file, opened, key);
}

async function openSafetensors(file: string, key: string | undefined): Promise<WeightsFile> {
  const { tensors, metadata, hashed } = await readSafetensors(file);
  if (key !== undefined)
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${file} is a safetensors file: it holds tensors by name, and nothing under the key "${key}". Leave key out.`,
    );
  return {
    file,
    container: 'safetensors',
    key: null,
    tensors: new Map([...tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape, refused: null }])),
    meta: metadata,
    metadata,
    hashed,
    notes: [],
    values: tensors,
  };
}

function torchWeights(file: string, opened: TorchFile, key: string | undefined): WeightsFile {
  const found = findStateDict(opened.value, key, file);
  refuseBomb(found.tensors, opened.size, file);
  const meta = opened.value instanceof Map ? opened.value.get('meta') : undefined;
  return {
    file,
    container: opened.container,
    key: found.key,
    tensors: new Map([...found.tensors].map(([name, tensor]) => [name, infoOf(tensor)])),
    meta: meta === undefined ? {} : plainData(meta),
    metadata: {},
    notes: found.notes,
    values: torchTensors(opened, found.tensors, file),
  };
}

const infoOf = (tensor: TorchTensor): TensorInfo => ({
  dtype: TORCH_DTYPES[tensor.dtype]!.host ?? tensor.dtype,
  shape: tensor.shape,
  refused: refusal(tensor),
});

/** A few bytes can be said to be a tensor of any size, or a thousand of them: by strides of 0, and by sharing. */
function refuseBomb(tensors: ReadonlyMap<string, TorchTensor>, size: number, file: string): void {
  let bytes = 0;
  for (const { dtype, shape } of tensors.values()) {
    const { host } = TORCH_DTYPES[dtype]!;
    if (host !== undefined) bytes += elementCount(shape) * DTYPES[host].bytes;
  }
  if (bytes > 8 * size + 2 ** 30)
    throw torchError(
      file,
      `its tensors would take ${bytes} bytes, out of a file of ${size}`,
      'Save every tensor once, and as it is: x.clone().',
    );
}
