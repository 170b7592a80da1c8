import {
  bothSecondStages,
  checkSamePriors,
  type ClassMatch,
  type DenseInfo,
  KdError,
  type PluginScope,
  type Role,
  sharedClasses,
} from '@kd/core';

/** Two heads whose classes can be compared row by row: those that both have. */
export type Heads = {
  readonly shared: ClassMatch;
  /** How many classes the lists of both have. */
  readonly classes: Readonly<Record<Role, number>>;
} & (
  | { readonly kind: 'dense'; readonly student: DenseInfo }
  /** Second stages: where either has the background among its logits. */
  | { readonly kind: 'regions'; readonly background: Readonly<Record<Role, number>> }
);

/**
 * What can be told of two detectors before they run.
 * @throws KdError PLUGIN_REQUIRES, TEACHER_INVALID, CONFIG_INVALID with the reason and a way out
 */
export function checkHeads(
  scope: PluginScope,
  {
    loss,
    on,
    coding,
  }: { readonly loss?: string | undefined; readonly on?: string | undefined; readonly coding: 'same' | 'any' },
): Heads {
  const { id, student, teacher } = scope;
  const stages = bothSecondStages(scope, ', so that their class scores belong to different boxes');
  const classes = { student: student.categories.length, teacher: teacher.categories.length };
  if (stages !== undefined) {
    if (loss === 'qfl' || loss === 'sigmoid') {
      throw new KdError(
        'CONFIG_INVALID',
        `${id}: loss "${loss}" is of heads with a score a class; the second stage of ${student.name} has one distribution over classes and background. Set loss: 'softmax', or leave it out.`,
      );
    }
    if (on === 'all')
      throw new KdError(
        'CONFIG_INVALID',
        `${id}: on: 'all' is of dense heads; a second stage is compared on the regions that answer for an object. Leave it out.`,
      );
    const background = { student: stages.student.background, teacher: stages.teacher.background };
    return { kind: 'regions', background, classes, shared: sharedClasses(scope) };
  }
  for (const [role, { name, dense }] of Object.entries({ student, teacher })) {
    if (dense === undefined)
      throw new KdError(
        'PLUGIN_REQUIRES',
        `${id}: the ${role} (${name}) has neither dense class scores nor a second stage. Take a detector that offers one of them, or a plugin that compares features, e.g. pkd.`,
      );
  }
  checkSamePriors(id, { student: student.dense!, teacher: teacher.dense! }, coding);
  return { kind: 'dense', student: student.dense!, classes, shared: sharedClasses(scope) };
}
