/** What can be the matter, to match on. */
export type DetectErrorCode =
  /** The file is no model that @kd exported, or one of a newer form. */
  | 'MODEL_INVALID'
  /** What was given is no image, or one without pixels that may be read. */
  | 'IMAGE_INVALID'
  /** The runtime is not installed, or the back end is not there. */
  | 'BACKEND_MISSING'
  /** `dispose` has freed the model. */
  | 'DISPOSED';

/** An error that says what, why and what to do instead. */
export class DetectError extends Error {
  override readonly name = 'DetectError';
  readonly code: DetectErrorCode;

  constructor(code: DetectErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
