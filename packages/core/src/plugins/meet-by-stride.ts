import type { TapInfo } from '../contract/detector.js';

/** A level of the student, and the teacher's map that it learns from. */
export interface Meeting {
  readonly student: TapInfo;
  readonly teacher: TapInfo;
}

/** Levels of a pattern are left out where every map of the teacher is further away than this factor. */
const NEAR = 2;

/**
 * Brings levels of the student and maps of a teacher that is not built like it together: each level takes the map of
 * the nearest stride, the finer one of two. Levels that were named one by one all take part; of a pattern with `*`
 * those whose map is at most a factor of 2 away, or, where none is, the nearest level alone.
 * @returns finest level of the student first
 */
export function meetByStride(
  student: readonly TapInfo[],
  teacher: readonly TapInfo[],
  named: boolean,
): readonly Meeting[] {
  if (student.length === 0 || teacher.length === 0) return [];
  const met = [...student]
    .sort((a, b) => a.stride - b.stride)
    .map((level) => {
      const [nearest] = [...teacher].sort((a, b) => far(level, a) - far(level, b) || a.stride - b.stride);
      return { student: level, teacher: nearest!, far: far(level, nearest!) };
    });
  const near = named ? met : met.filter((one) => one.far <= Math.log2(NEAR) + 1e-9);
  const [closest] = [...met].sort((a, b) => a.far - b.far);
  return (near.length > 0 ? near : [closest!]).map(({ student, teacher }) => ({ student, teacher }));
}

/** Octaves between two strides. */
const far = (a: TapInfo, b: TapInfo): number => Math.abs(Math.log2(a.stride / b.stride));
