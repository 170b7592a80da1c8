/** A file that is read here and there, and held open in between by nobody. */
export interface ByteSource {
  /** The file, for messages. */
  readonly where: string;
  readonly size: number;
  /**
   * Fills a buffer from a place of the file.
   * @throws KdError CHECKPOINT_INVALID where the file ends, or is another by now
   */
  read<Bytes extends Uint8Array>(into: Bytes, position: number): Bytes;
}
