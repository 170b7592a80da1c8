import * as tf from '@tensorflow/tfjs-core';
import type { Detector } from '../contract/detector.js';
import type { ClassMatch, PluginScope } from '../contract/plugin.js';
import { namesOf } from '../class-names.js';
import { KdError, suggestion } from '../errors.js';

/** Names of the teacher's classes, and those of the student's data that they stand for. */
export type ClassMap = Readonly<Record<string, string>>;

/**
 * The classes that two models share: those of the map, and those of one name.
 * @throws KdError TEACHER_INVALID for a map that names what one of the two does not have
 */
export function matchClasses(
  { student, teacher }: Readonly<Record<'student' | 'teacher', Pick<Detector, 'categories'>>>,
  map: ClassMap = {},
): ClassMatch {
  const [own, theirs] = [namesOf(student), namesOf(teacher)];
  checkMap(map, own, theirs);
  const mapped = new Set(Object.values(map));
  const nameFor = (name: string): string | undefined =>
    Object.hasOwn(map, name) ? map[name] : mapped.has(name) ? undefined : name;
  // The first of a name: lists of 91 classes have several that stand for none.
  const places = new Map(theirs.map((name, place) => [nameFor(name), place] as const).reverse());
  const shared = own.flatMap((name, place) => {
    const at = places.get(name);
    return at === undefined ? [] : [[place, at] as const];
  });
  return {
    same: own.length === theirs.length && own.every((_, i) => shared[i]?.[0] === i && shared[i]?.[1] === i),
    student: shared.map(([place]) => place),
    teacher: shared.map(([, place]) => place),
  };
}

function checkMap(map: ClassMap, own: readonly string[], theirs: readonly string[]): void {
  const absent = (name: string, names: readonly string[], whose: string): void => {
    if (names.includes(name)) return;
    const meant = suggestion(name, names);
    throw new KdError(
      'TEACHER_INVALID',
      `classes of the teacher: "${name}" is no class of ${whose}; ${meant === '' ? `there are ${names.join(', ')}.` : meant} Write { "a class of the teacher": "a class of the data" }.`,
    );
  };
  for (const [from, to] of Object.entries(map)) {
    absent(from, theirs, 'the teacher');
    absent(to, own, 'the data');
  }
  const twice = Object.values(map).find((to, i, all) => all.indexOf(to) !== i);
  if (twice !== undefined)
    throw new KdError(
      'TEACHER_INVALID',
      `classes of the teacher: two of them stand for "${twice}"; one class of the teacher can stand for one of the data.`,
    );
}

/**
 * The classes that a plugin on predictions works on; it says which are left out.
 * @throws KdError TEACHER_INVALID where there are none
 */
export function sharedClasses({
  id,
  student,
  teacher,
  classes = matchClasses({ student, teacher }),
  logger,
}: Pick<PluginScope, 'id' | 'student' | 'teacher'> & Partial<Pick<PluginScope, 'classes' | 'logger'>>): ClassMatch {
  if (classes.same) return classes;
  const [own, theirs] = [namesOf(student), namesOf(teacher)];
  if (classes.student.length === 0)
    throw new KdError(
      'TEACHER_INVALID',
      `${id}: teacher and student have no class in common: the teacher has ${theirs.join(', ') || 'none'}, the student's data ${own.join(', ')}. Say what stands for what, in the entry of the teacher: classes: ${JSON.stringify({ [theirs[0] ?? 'person']: own[0] })}; or take a plugin that compares features, e.g. pkd.`,
    );
  const pairs = classes.student.map((place, i) => {
    const [name, other] = [own[place]!, theirs[classes.teacher[i]!]!];
    return name === other ? name : `${name} (${other} of the teacher)`;
  });
  const left = (names: readonly string[], kept: readonly number[]): string =>
    names.filter((_, place) => !kept.includes(place)).join(', ') || 'none';
  logger?.info(
    `${id}: works on ${pairs.length} ${pairs.length === 1 ? 'class' : 'classes'} that teacher and student share: ${pairs.join(', ')}; left out of the student: ${left(own, classes.student)}; of the teacher: ${left(theirs, classes.teacher)}.`,
  );
  return classes;
}

/** Classes of logits [..., k], or of k + 1 with a background that comes last then. */
export function pickClasses<T extends tf.Tensor>(logits: T, places: readonly number[], background?: number): T {
  const at =
    background === undefined
      ? places
      : [...places.map((place) => (place >= background ? place + 1 : place)), background];
  return tf.tidy(() => tf.gather(logits, tf.tensor1d([...at], 'int32'), logits.rank - 1)) as T;
}

/** Classes of a map [b, h, w, a·k] of a dense head: [b, h, w, a·places]. */
export function pickMapClasses(map: tf.Tensor4D, places: readonly number[], classes: number): tf.Tensor4D {
  const [b, h, w, channels] = map.shape;
  return tf.tidy(() => {
    const rows = tf.reshape(map, [b * h * w, channels / classes, classes]);
    return tf.reshape(pickClasses(rows, places), [b, h, w, (channels / classes) * places.length]);
  });
}

/** [b, n] float32: 1 for instances [b, n] of a class that both share, from their labels in the student's list. */
export function ofSharedClasses(labels: tf.Tensor2D, { student }: ClassMatch, classes: number): tf.Tensor2D {
  const table = new Float32Array(Math.max(1, classes));
  for (const place of student) table[place] = 1;
  return tf.tidy(() => tf.gather(tf.tensor1d(table), labels) as tf.Tensor as tf.Tensor2D);
}
