import type { PluginScope } from '../contract/plugin.js';
import { KdError } from '../errors.js';
import { checkSameClasses, checkSamePriors } from './compare-detectors.js';

/** Where the scores of the cells come from: a dense head, or the region proposal network of two-stage detectors. */
export type CellScores = 'dense' | 'proposals';

/**
 * What can be told of two detectors before they run, for methods that compare what they score in every cell.
 * @param coding see {@link checkSamePriors}
 * @throws KdError PLUGIN_REQUIRES, TEACHER_INVALID with the reason and a way out
 */
export function checkCellScores({ id, student, teacher }: PluginScope, coding?: 'same' | 'any'): CellScores {
  const kindOf = (role: 'student' | 'teacher', { name, dense, secondStage }: PluginScope['student']): CellScores => {
    if (secondStage !== undefined) return 'proposals';
    if (dense !== undefined) return 'dense';
    throw new KdError(
      'PLUGIN_REQUIRES',
      `${id}: the ${role} (${name}) scores no cells of its neck, and the method needs such scores. Take a detector with a dense head or a region proposal network, or a plugin that needs features alone, e.g. pkd.`,
    );
  };
  const [own, taught] = [kindOf('student', student), kindOf('teacher', teacher)];
  if (own !== taught) {
    const scores = (kind: CellScores): string => (kind === 'dense' ? 'scores classes' : 'scores objects of any class');
    throw new KdError(
      'TEACHER_INVALID',
      `${id}: in every cell the student (${student.name}) ${scores(own)} and the teacher (${teacher.name}) ${scores(taught)}, which cannot be compared. Take two detectors of a kind, or a plugin that needs features alone, e.g. pkd.`,
    );
  }
  // What a region proposal network scores has no class.
  if (own === 'proposals') return own;
  checkSameClasses(id, { student, teacher });
  checkSamePriors(id, { student: student.dense!, teacher: teacher.dense! }, coding);
  return own;
}
