import { type DenseInfo, headDifferences, KdError, type PluginScope } from '@kd/core';

/** What both heads predict for a side of a box. */
export interface Edges {
  /** Of the student: the teacher's may be others, since edges have none. */
  readonly classes: number;
  readonly bins: number;
}

/** What a detector without distributions predicts instead, in words. */
const INSTEAD: Readonly<Record<Exclude<DenseInfo['boxes'], 'distribution'>, string>> = {
  delta: 'predicts offsets to anchors',
  distance: 'predicts one distance a side',
};

/**
 * What can be told of two detectors before they run.
 * @throws KdError PLUGIN_REQUIRES, TEACHER_INVALID with the reason and a way out
 */
export function checkEdges({ id, student, teacher }: PluginScope, coding: 'same' | 'any'): Edges {
  for (const [role, { name, dense, secondStage }] of Object.entries({ student, teacher })) {
    if (dense?.boxes === 'distribution') continue;
    const instead =
      dense !== undefined
        ? INSTEAD[dense.boxes]
        : secondStage !== undefined
          ? 'has two stages, which predict offsets to anchors and regions'
          : 'has no dense head';
    throw new KdError(
      'PLUGIN_REQUIRES',
      `${id}: the ${role} (${name}) ${instead}, and localization distillation compares distributions over the edges of boxes, which such a head has not. Take a detector that predicts them, e.g. gfl, or a plugin that compares class scores (kd) or features (pkd).`,
    );
  }
  const different = headDifferences(student.dense!, teacher.dense!, [
    'bins',
    'priorsPerCell',
    ...(coding === 'same' ? (['coding'] as const) : []),
  ]);
  if (different.length > 0) {
    throw new KdError(
      'TEACHER_INVALID',
      `${id}: the edges of both heads do not belong together: ${different.join('; ')}. Give the student the teacher's options${coding === 'same' && student.dense!.bins === teacher.dense!.bins ? `, or set coding: 'any' where bins and priors mean the same all the same` : ''}.`,
    );
  }
  return { classes: student.categories.length, bins: student.dense!.bins! };
}
