import type { InputSpec } from './data.js';

/** A tensor on the host. */
export interface HostTensor {
  readonly dtype:
    | 'F64'
    | 'F32'
    | 'F16'
    | 'BF16'
    | 'F8_E5M2'
    | 'F8_E4M3'
    | 'I64'
    | 'I32'
    | 'I16'
    | 'I8'
    | 'U64'
    | 'U32'
    | 'U16'
    | 'U8'
    | 'BOOL';
  readonly shape: readonly number[];
  readonly data:
    | Float64Array
    | Float32Array
    | Uint16Array
    | BigInt64Array
    | BigUint64Array
    | Int32Array
    | Uint32Array
    | Int16Array
    | Int8Array
    | Uint8Array;
}

export type NamedTensors = ReadonlyMap<string, HostTensor>;

/** What of a file of another program is meant, and under which names. */
export interface WeightsOptions {
  /** The entry that holds the weights, of a file that holds several: `ema_state_dict`. */
  readonly key?: string | undefined;
  /** Only the names that begin so, which is taken off: `student.` */
  readonly prefix?: string | undefined;
  /**
   * Rules on names, each on what those before it left: a pattern, as text or as a regular expression, and what takes
   * its place.
   */
  readonly rename?: readonly (readonly [pattern: RegExp | string, replacement: string])[] | undefined;
}

export interface ForeignOptions extends Omit<WeightsOptions, 'key'> {
  /** The file, for messages. */
  readonly where: string;
  /** The variables of the model, by path: they decide what the file leaves open. */
  readonly wanted?: ReadonlyMap<string, { readonly shape: readonly number[] }> | undefined;
}

/** Weights of another program by our paths and layouts, and what is known of the rest of the file. */
export interface ForeignWeights {
  readonly tensors: NamedTensors;
  /** The name in the file of each of them. */
  readonly sources: ReadonlyMap<string, string>;
  /** Whose names they are, and what tells it: "mmdetection's FCOS, told by bbox_head.conv_cls.weight". */
  readonly told: string;
  /** The detector of ours that they are for, where that is known. */
  readonly detector: string | null;
  /** Names in the file that are left out on purpose. */
  readonly ignored: readonly { readonly name: string; readonly why: string }[];
  /** Names in the file of parts that no model here has. */
  readonly foreign: readonly { readonly name: string; readonly why: string }[];
  /** What the detector's options have to say for this file: "head: { norm: 'group' }". */
  readonly needs: readonly string[];
}

/**
 * What a file of another program says of the pixels that its model reads, of its backbone and its classes: tensors tell
 * none of it.
 */
export interface StoredSettings {
  /** `mmdetection` */
  readonly program: string;
  /** Where in the file it stands, `meta.cfg`; left out where the file says nothing. */
  readonly from?: string;
  /** As the option `input` of a detector has them. */
  readonly input?: Required<Pick<InputSpec, 'mean' | 'std' | 'range' | 'channels'>>;
  /** Which convolution of a ResNet's bottlenecks has the stride: the 3x3, or the first 1x1. */
  readonly style?: 'pytorch' | 'caffe';
  /** Names of the classes, in the order of its logits. */
  readonly classes?: readonly string[];
  /** Why what stands there cannot be read. */
  readonly unread?: string;
}

/** What a file holds. */
export interface StoredTensors {
  readonly tensors: NamedTensors;
  readonly metadata: Readonly<Record<string, string>>;
  /** What a file of another program says of its model beside the tensors, or that it should. */
  readonly settings?: StoredSettings;
  /** Whether the file has a hash, which it was compared with; left out by formats without one. */
  readonly hashed?: boolean;
}

/** A backbone by its name, with its options. */
export interface BackboneName {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A file of named tensors with a few strings beside them: data, never code. */
export interface CheckpointFormat {
  readonly name: string;
  /** With the dot, e.g. `.safetensors`. */
  readonly extension: string;
  /**
   * @param options which entry of a file that holds several
   * @throws KdError CHECKPOINT_INVALID naming the file and what is wrong
   */
  read(file: string, options?: Pick<WeightsOptions, 'key'>): Promise<StoredTensors>;
  /**
   * URL of a module that exports `read`, for a thread that reads beside a training; best one that loads little. Without
   * it training reads itself.
   */
  readonly thread?: string;
  /** Writes to a temporary name and renames. */
  write(file: string, tensors: NamedTensors, metadata: Readonly<Record<string, string>>): Promise<void>;
  /**
   * Tensors of another program by our paths, where the format knows its names and layouts.
   * @throws KdError CHECKPOINT_INVALID naming the file and the tensors
   */
  importForeign?(tensors: NamedTensors, options: ForeignOptions): ForeignWeights;
  /**
   * A file with published weights of a backbone, for `init: 'pretrained'`; fetched where it is not there yet.
   * @param backbone null for a detector without one that has a name
   * @param tell takes a line about what is done
   * @throws KdError where nobody publishes any for it, or they cannot be had
   */
  pretrained?(backbone: BackboneName | null, tell: (line: string) => void): Promise<string>;
}
