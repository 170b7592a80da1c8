/** A tensor on the host. */
export interface HostTensor {
  readonly dtype: 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL';
  readonly shape: readonly number[];
  readonly data:
    | Float64Array
    | Float32Array
    | Uint16Array
    | BigInt64Array
    | Int32Array
    | Int16Array
    | Int8Array
    | Uint8Array;
}

export type NamedTensors = ReadonlyMap<string, HostTensor>;

/** A file of named tensors with a few strings beside them: data, never code. */
export interface CheckpointFormat {
  readonly name: string;
  /** With the dot, e.g. `.safetensors`. */
  readonly extension: string;
  /** @throws KdError CHECKPOINT_INVALID naming the file and what is wrong */
  read(file: string): Promise<{ readonly tensors: NamedTensors; readonly metadata: Readonly<Record<string, string>> }>;
  /** Writes to a temporary name and renames. */
  write(file: string, tensors: NamedTensors, metadata: Readonly<Record<string, string>>): Promise<void>;
  /** Tensors of another program (torchvision's names and layouts) by our paths, where the format knows them. */
  importForeign?(tensors: NamedTensors): NamedTensors;
}
