import { bothSecondStages, KdError, type PluginScope } from '@kd/core';
import { type CrossKdOptions, NECK } from './options.js';

/**
 * Which heads are crossed: those of one-stage detectors, or second stages.
 * @throws KdError TEACHER_INVALID for one of each, CONFIG_INVALID for options of the other kind
 */
export function checkStages(
  scope: PluginScope,
  {
    rpn,
    weights,
    beta,
    parity,
    coding,
    neck,
    temperature = 1,
  }: Pick<CrossKdOptions, 'rpn' | 'weights' | 'beta' | 'parity' | 'coding' | 'neck' | 'temperature'>,
): 'dense' | 'regions' {
  const stages = bothSecondStages(
    scope,
    ': the features of a region do not go through a head that reads cells, nor the other way round',
  );
  const refuse = (option: string, of: string): KdError =>
    new KdError(
      'CONFIG_INVALID',
      `${scope.id}: ${option} is of ${of} (the student is ${scope.student.name}). Leave it out.`,
    );
  if (stages === undefined && rpn !== undefined) throw refuse('rpn', 'two-stage detectors');
  if (stages !== undefined && weights.ctr !== undefined) throw refuse('weights.ctr', 'dense heads with a centerness');
  for (const name of ['rpnCls', 'rpnReg'] as const)
    if (rpn === undefined && weights[name] !== undefined)
      throw refuse(`weights.${name}`, 'the option rpn, which is not set');
  if (stages !== undefined && rpn === undefined)
    for (const [name, given] of Object.entries({
      beta: beta !== 1,
      parity,
      coding: coding !== undefined,
      neck: neck !== NECK,
    }))
      if (given) throw refuse(name, 'dense heads, and of the option rpn, which is not set');
  const { name, dense } = scope.teacher;
  if (stages === undefined && temperature !== 1 && dense !== undefined && dense.boxes !== 'distribution')
    throw new KdError(
      'CONFIG_INVALID',
      `${scope.id}: temperature is of teachers whose boxes are distributions (the teacher is ${name}). Leave it out.`,
    );
  return stages === undefined ? 'dense' : 'regions';
}
