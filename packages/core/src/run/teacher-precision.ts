import type { ResolvedConfig } from '../config.js';
import type { Engine } from '../contract/engine.js';
import { KdError } from '../errors.js';
import { standInOf } from '../plugins/stand-in.js';
import type { AroundTeachers } from '../step/step-models.js';
import type { BuiltTeacher } from './teachers.js';

/**
 * What compiled steps run their teachers in; null for float32.
 * @throws KdError CONFIG_INVALID where another precision is asked for and cannot be had
 */
export function teacherPrecision(
  { precision, compile }: Pick<ResolvedConfig, 'precision' | 'compile'>,
  engine: Engine,
  teachers: readonly Pick<BuiltTeacher, 'detector'>[],
): AroundTeachers | null {
  if (precision.teacher === 'float32') return null;
  const refuse = (why: string): never => {
    throw new KdError('CONFIG_INVALID', `precision.teacher is "bf16", and ${why} Leave precision out.`);
  };
  if (teachers.length === 0) refuse('there is no teacher.');
  if (teachers.every(({ detector }) => standInOf(detector) !== undefined))
    refuse('no teacher is a detector with the input of the student, which are run in the compiled step.');
  if (!compile) refuse('steps that run op by op (compile: false) compute in float32.');
  if (engine.inBfloat16 === undefined || !engine.capabilities().precision.includes('bfloat16'))
    refuse(`the engine ${engine.name} computes in float32 alone on this machine (kd doctor).`);
  return (run) => engine.inBfloat16!(run);
}
