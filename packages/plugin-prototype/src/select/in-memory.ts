import { KdError } from '@kd/core';
import type { FeatureRows, PairedFeatures } from './types.js';

/**
 * The number of instances of two matrices.
 * @throws KdError USAGE when they do not hold whole rows, or not as many each
 */
export function rowsOf({ teacher, student, teacherChannels, studentChannels }: PairedFeatures): number {
  const rows = wholeRows('teacher', teacher.length, teacherChannels);
  const others = wholeRows('student', student.length, studentChannels);
  if (rows !== others) {
    throw new KdError(
      'USAGE',
      `There are ${rows} rows of teacher features and ${others} of student features. Row i of both must be the same instance.`,
    );
  }
  return rows;
}

/** Matrices in memory as rows to read. */
export function inMemory(features: PairedFeatures): FeatureRows {
  const { teacher, student, teacherChannels: dt, studentChannels: ds } = features;
  return {
    rows: rowsOf(features),
    teacherChannels: dt,
    studentChannels: ds,
    read: (from, to) => ({
      teacher: teacher.subarray(from * dt, to * dt),
      student: student.subarray(from * ds, to * ds),
    }),
  };
}

function wholeRows(role: string, length: number, channels: number): number {
  if (!Number.isSafeInteger(channels) || channels < 1 || length % channels !== 0) {
    throw new KdError(
      'USAGE',
      `The ${role} features have ${length} numbers, which are no rows of ${channels} channels.`,
    );
  }
  return length / channels;
}
