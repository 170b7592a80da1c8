import type { TapInfo } from '../contract/detector.js';

/** A level of the student, and the teacher's map that it learns from. */
export interface Meeting {
  readonly student: TapInfo;
  readonly teacher: TapInfo;
}

/**
 * Brings levels of the student and maps of a teacher that is not built like it together: each level takes the map of
 * the nearest stride, the finer one of two.
 * @returns finest level of the student first
 */
export const meetByStride = (student: readonly TapInfo[], teacher: readonly TapInfo[]): readonly Meeting[] =>
  [...student]
    .sort((a, b) => a.stride - b.stride)
    .map((level) => {
      const [nearest] = [...teacher].sort((a, b) => octaves(level, a) - octaves(level, b) || a.stride - b.stride);
      return { student: level, teacher: nearest! };
    });

const octaves = (a: TapInfo, b: TapInfo): number => Math.abs(Math.log2(a.stride / b.stride));
