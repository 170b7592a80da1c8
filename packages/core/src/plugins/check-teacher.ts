import type { Detector } from '../contract/detector.js';
import type { PluginDefinition } from '../contract/plugin.js';
import { classDifference } from '../class-lists.js';
import { namesOf } from '../class-names.js';
import { isKdError, KdError } from '../errors.js';
import { sameSizes, standInOf } from './stand-in.js';

/**
 * Before a plugin is made: student and teacher have the capabilities that it requires. One that requires any of the
 * teacher reads more than features, so that classes and sizes of images have to be the student's.
 * @throws KdError PLUGIN_REQUIRES, TEACHER_INVALID
 */
export function checkRequired(
  { name, requires, otherClasses = false }: PluginDefinition,
  models: Readonly<Record<'student' | 'teacher', Detector>>,
): void {
  const { student, teacher } = models;
  const wanted = requires.teacher ?? [];
  if (wanted.length > 0 && teacher.categories.length > 0) {
    const plugin = `plugin "${name}" needs ${quoted(wanted)} of the teacher`;
    if (standInOf(teacher) !== undefined && !sameSizes(teacher.input, student.input))
      throw new KdError(
        'TEACHER_INVALID',
        `${plugin}, but their inputs differ in size, so that cells and boxes of the two do not belong together: teacher ${JSON.stringify(teacher.input)}, student ${JSON.stringify(student.input)}. Give the student the teacher's input options, or take a plugin that compares features, e.g. pkd.`,
      );
    if (!otherClasses) checkClasses(plugin, models);
  }
  for (const role of ['student', 'teacher'] as const) {
    const { capabilities, name: who } = models[role];
    const missing = (requires[role] ?? []).filter((capability) => !capabilities.has(capability));
    if (missing.length > 0)
      throw new KdError(
        'PLUGIN_REQUIRES',
        `plugin "${name}" needs ${quoted(missing)} of the ${role}, but ${who} offers ${capabilities.size === 0 ? 'features alone' : `only ${[...capabilities].join(', ')}`}. Take another ${role === 'teacher' ? 'teacher' : 'detector'} or another plugin.`,
      );
  }
}

/** What a plugin misses of a teacher whose images have other sizes, with that reason: it does not know it. */
export function withSizes(
  error: unknown,
  { student, teacher }: Readonly<Record<'student' | 'teacher', Detector>>,
): unknown {
  const isOfModels = isKdError(error) && (error.code === 'PLUGIN_REQUIRES' || error.code === 'TEACHER_INVALID');
  const alone =
    standInOf(teacher) !== undefined && teacher.variables.length > 0 && !sameSizes(teacher.input, student.input);
  if (!isOfModels || !alone) return error;
  const why = `(The images of ${teacher.name} have other sizes than the student's, so that its features alone can be compared: teacher ${JSON.stringify(teacher.input)}, student ${JSON.stringify(student.input)}. For more, give the student the teacher's input options.)`;
  return new KdError(error.code, `${error.message} ${why}`.split('\n'), { cause: error });
}

const quoted = (capabilities: readonly string[]): string => capabilities.map((one) => `"${one}"`).join(', ');

function checkClasses(plugin: string, { student, teacher }: Readonly<Record<'student' | 'teacher', Detector>>): void {
  const [others, own] = [namesOf(teacher), namesOf(student)];
  const difference = classDifference({ of: 'the teacher', names: others }, { of: "the student's data", names: own });
  if (difference === null) return;
  const way = others.every((one) => own.includes(one))
    ? `Give the data the teacher's list, as \`classes\` of data.train and data.val: "classes": ${JSON.stringify(others)}.`
    : 'Train the teacher on the classes of the data, or add those that are missing to the data: to "categories" of COCO, to "names" of YOLO, to `classes` of the other formats.';
  throw new KdError('TEACHER_INVALID', `${plugin}, and the classes of the teacher differ: ${difference}. ${way}`);
}
