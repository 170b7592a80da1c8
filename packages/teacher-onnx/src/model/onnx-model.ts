import type { GraphProto, ModelProto } from 'onnx-buf';

/** What lies in a file of ONNX, as data. */
export interface OnnxModel {
  /** As the person wrote it, for messages. */
  readonly file: string;
  readonly proto: ModelProto;
  readonly graph: GraphProto;
  /** Hash of the file, and of those beside it. */
  readonly fingerprint: string;
  /** Numbers that it has learned. */
  readonly parameters: number;
  /** Files beside the model that hold weights, by the names that the model calls them. */
  readonly external: readonly ExternalFile[];
}

export interface ExternalFile {
  readonly path: string;
  readonly data: Uint8Array;
}
