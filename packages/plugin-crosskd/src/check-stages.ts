import { KdError, type PluginScope } from '@kd/core';
import type { CrossKdOptions } from './options.js';

/**
 * Which heads are crossed: those of one-stage detectors, or second stages.
 * @throws KdError TEACHER_INVALID for one of each, CONFIG_INVALID for options of the other kind
 */
export function checkStages(
  { id, student, teacher }: PluginScope,
  { rpn, weights, beta, parity }: Pick<CrossKdOptions, 'rpn' | 'weights' | 'beta' | 'parity'>,
): 'dense' | 'regions' {
  const [own, taught] = [student.secondStage, teacher.secondStage];
  if ((own === undefined) !== (taught === undefined)) {
    const stages = (role: string, name: string, stage: unknown): string =>
      `the ${role} (${name}) has ${stage === undefined ? 'one stage' : 'two stages'}`;
    throw new KdError(
      'TEACHER_INVALID',
      `${id}: ${stages('student', student.name, own)} and ${stages('teacher', teacher.name, taught)}: the features of a region do not go through a head that reads cells, nor the other way round. Take two detectors of a kind, or a plugin that compares features, e.g. pkd.`,
    );
  }
  const refuse = (option: string, of: string): KdError =>
    new KdError('CONFIG_INVALID', `${id}: ${option} is of ${of} (the student is ${student.name}). Leave it out.`);
  if (own === undefined && rpn !== undefined) throw refuse('rpn', 'two-stage detectors');
  if (own !== undefined && weights.ctr !== undefined) throw refuse('weights.ctr', 'dense heads with a centerness');
  for (const name of ['rpnCls', 'rpnReg'] as const)
    if (rpn === undefined && weights[name] !== undefined)
      throw refuse(`weights.${name}`, 'the option rpn, which is not set');
  if (own !== undefined && rpn === undefined)
    for (const [name, given] of Object.entries({ beta: beta !== 1, parity }))
      if (given) throw refuse(name, 'dense heads, and of the option rpn, which is not set');
  return own === undefined ? 'dense' : 'regions';
}
