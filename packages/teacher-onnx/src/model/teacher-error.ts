import { KdError } from '@kd/core';

/** Something is wrong with a file of ONNX: which, what, and what to do. */
export const teacherError = (file: string, what: string, todo: string, cause?: unknown): KdError =>
  new KdError('TEACHER_INVALID', `${file}: ${what}. ${todo}`, cause === undefined ? {} : { cause });
