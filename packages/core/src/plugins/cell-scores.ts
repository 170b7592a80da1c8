import type * as tf from '@tensorflow/tfjs-core';
import type { PluginScope, Role } from '../contract/plugin.js';
import { KdError } from '../errors.js';
import { pickMapClasses, sharedClasses } from './class-match.js';
import { checkSamePriors } from './compare-detectors.js';

/** Scores of cells that two models can be compared by. */
export interface CellScores {
  /** Where they come from: a dense head, or the region proposal network of two-stage detectors. */
  readonly from: 'dense' | 'proposals';
  /** Of a map of class scores [b, h, w, a·k] of a model those of the classes that both have, in one order. */
  shared(role: Role, map: tf.Tensor4D): tf.Tensor4D;
}

/**
 * What can be told of two detectors before they run, for methods that compare what they score in every cell.
 * @param coding see {@link checkSamePriors}
 * @throws KdError PLUGIN_REQUIRES, TEACHER_INVALID with the reason and a way out
 */
export function checkCellScores(scope: PluginScope, coding?: 'same' | 'any'): CellScores {
  const { id, student, teacher } = scope;
  const kindOf = (role: Role, { name, dense, secondStage }: PluginScope['student']): CellScores['from'] => {
    if (secondStage !== undefined) return 'proposals';
    if (dense !== undefined) return 'dense';
    throw new KdError(
      'PLUGIN_REQUIRES',
      `${id}: the ${role} (${name}) scores no cells of its neck, and the method needs such scores. Take a detector with a dense head or a region proposal network, or a plugin that needs features alone, e.g. pkd.`,
    );
  };
  const [own, taught] = [kindOf('student', student), kindOf('teacher', teacher)];
  if (own !== taught) {
    const scores = (kind: CellScores['from']): string =>
      kind === 'dense' ? 'scores classes' : 'scores objects of any class';
    throw new KdError(
      'TEACHER_INVALID',
      `${id}: in every cell the student (${student.name}) ${scores(own)} and the teacher (${teacher.name}) ${scores(taught)}, which cannot be compared. Take two detectors of a kind, or a plugin that needs features alone, e.g. pkd.`,
    );
  }
  // What a region proposal network scores has no class.
  if (own === 'proposals') return { from: own, shared: (_, map) => map };
  checkSamePriors(id, { student: student.dense!, teacher: teacher.dense! }, coding);
  const classes = sharedClasses(scope);
  const count = { student: student.categories.length, teacher: teacher.categories.length };
  return {
    from: own,
    shared: (role, map) => (classes.same ? map : pickMapClasses(map, classes[role], count[role])),
  };
}
