/**
 * Every error that a user can cause is a {@link KdError}: one message that says what, where, why and what to do instead.
 * The codes are listed here, in one place, so that they can be documented and matched on.
 */
export const ERROR_CODES = {
  CONFIG_INVALID: 'The configuration does not fit its schema.',
  CONFIG_NOT_FOUND: 'The configuration file could not be found or loaded.',
  PLUGIN_NOT_FOUND: 'A distiller, detector or engine of that name is not installed.',
  PLUGIN_INVALID: 'A package says that it is a plugin and is none, or was built for another version of the contract.',
  PLUGIN_REQUIRES: 'A plugin needs something that the detector does not offer.',
  PLUGIN_HOOK: 'A hook of a plugin threw, or returned what it must not return.',
  TAP_UNKNOWN: 'A tap was asked for that the detector does not have.',
  TAP_MISMATCH: 'Taps of teacher and student do not fit each other.',
  TEACHER_INVALID: 'The teacher is missing, or does not fit the student.',
  NON_FINITE: 'A loss term or a gradient is not finite.',
  CHECKPOINT_INVALID: 'A checkpoint is damaged, incomplete or from another model.',
  DATA_INVALID: 'An annotation file is malformed or contradicts itself.',
  IMAGE_INVALID: 'An image cannot be decoded, or is not what the annotations say.',
  ENGINE_UNAVAILABLE: 'The engine cannot run on this machine as it is.',
  RUN_FOLDER: 'The run folder cannot be used.',
  FILE_WRITE: 'A file could not be written.',
  USAGE: 'A command or a function was called wrongly.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export class KdError extends Error {
  override readonly name = 'KdError';
  readonly code: ErrorCode;

  /**
   * @param code one of {@link ERROR_CODES}
   * @param message what, where (file, line, id), why, and what to do instead
   */
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The message of anything that was thrown. */
export const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** "did you mean …?" for a misspelt name, or an empty string. */
export function suggestion(name: string, known: readonly string[]): string {
  let best = '';
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best === '' ? '' : `did you mean "${best}"?`;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
