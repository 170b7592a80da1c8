import type { AugmentSpec } from '../contract/data.js';
import { KdError } from '../errors.js';
import type { BuiltTeacher } from './teachers.js';

/** The teachers whose maps are kept: all of features alone. */
export const cachedTeachers = (teachers: readonly BuiltTeacher[]): readonly BuiltTeacher[] =>
  teachers.filter(({ foreign }) => foreign !== undefined);

/**
 * Whether the maps of teachers can be kept: the same picture has to give the same map every time.
 * @throws KdError CONFIG_INVALID naming what is in the way
 */
export function checkCached(teachers: readonly BuiltTeacher[], augment: readonly AugmentSpec[]): void {
  const refuse = (why: string): never => {
    throw new KdError('CONFIG_INVALID', `cacheTeacher: ${why}`);
  };
  const cached = cachedTeachers(teachers);
  if (cached.length === 0)
    refuse('no teacher of the run is one of features alone, whose maps can be kept. Leave cacheTeacher out.');
  const others = augment.filter(({ name }) => name !== 'flip').map(({ name }) => name);
  if (others.length > 0)
    refuse(
      `the augmentation ${others.join(', ')} makes another picture every time, so that maps cannot be kept. Take it out of data.augment (flip alone may stay), or leave cacheTeacher out.`,
    );
  if (augment.length > 1) refuse('data.augment has flip twice; the maps of one can be kept. Leave one out.');
  const sizeless = cached.find(({ detector }) => detector.input.fixedSize === null);
  if (sizeless !== undefined)
    refuse(
      `the input of the teacher "${sizeless.id}" has no fixedSize, so that its maps depend on the other pictures of a batch. Give it fixedSize: [height, width], or leave cacheTeacher out.`,
    );
}
