/** A SHA-256 on its way. */
export interface Sha256 {
  update(part: string | Uint8Array): this;
  /** In hexadecimal digits; ends it. */
  digest(): string;
}
