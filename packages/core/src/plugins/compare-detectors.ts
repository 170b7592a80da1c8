import type { DenseInfo, SecondStage } from '../contract/detector.js';
import type { PluginScope, Role } from '../contract/plugin.js';
import { KdError } from '../errors.js';
import { isObject } from '../is-object.js';

/** Where two dense heads are read differently, in the words of a message; empty when they decode alike. */
export function headDifferences(
  own: DenseInfo,
  other: DenseInfo,
  keys: readonly (keyof DenseInfo)[] = ['boxes', 'bins', 'priorsPerCell', 'coding'],
): string[] {
  return keys.flatMap((key) => {
    const [a, b] = [sorted(own[key]), sorted(other[key])];
    return a === b ? [] : [`${key} of the student ${a}, of the teacher ${b}`];
  });
}

/** What has to be equal, by the option `coding` of plugins. */
const KEYS = { any: ['priorsPerCell'], same: ['priorsPerCell', 'coding'] } as const;

/**
 * That scores of one cell of two dense heads belong to the same boxes.
 * @param coding of plugins that have this option: `any` takes heads whose descriptions differ as having the same
 *   priors. Without it the boxes of both have to be of one kind, too
 * @throws KdError TEACHER_INVALID
 */
export function checkSamePriors(
  id: string,
  { student, teacher }: Readonly<Record<Role, DenseInfo>>,
  coding?: 'same' | 'any',
): void {
  const different = headDifferences(student, teacher, coding && KEYS[coding]);
  if (different.length === 0) return;
  const way =
    coding === 'same' && student.priorsPerCell === teacher.priorsPerCell
      ? `, or set coding: 'any' where the priors are the same all the same`
      : '';
  throw new KdError(
    'TEACHER_INVALID',
    `${id}: the priors differ, so that scores of one cell do not belong together: ${different.join('; ')}. Give the student the teacher's options${way}.`,
  );
}

/**
 * That both detectors have one stage, or both two.
 * @param why they do not go together, as the end of a sentence that says what each has
 * @returns both second stages, or undefined where there are none
 * @throws KdError TEACHER_INVALID
 */
export function bothSecondStages(
  { id, student, teacher }: Pick<PluginScope, 'id' | 'student' | 'teacher'>,
  why: string,
): Readonly<Record<Role, SecondStage>> | undefined {
  const [own, taught] = [student.secondStage, teacher.secondStage];
  if (own !== undefined && taught !== undefined) return { student: own, teacher: taught };
  if (own === taught) return undefined;
  const stages = (role: Role, { name, secondStage }: typeof student): string =>
    `the ${role} (${name}) has ${secondStage === undefined ? 'one stage' : 'two stages'}`;
  throw new KdError(
    'TEACHER_INVALID',
    `${id}: ${stages('student', student)} and ${stages('teacher', teacher)}${why}. Take two detectors of a kind, or a plugin that compares features, e.g. pkd.`,
  );
}

/** JSON whose keys have one order. */
function sorted(value: unknown): string {
  if (value === undefined) return 'none';
  return JSON.stringify(value, (_, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
