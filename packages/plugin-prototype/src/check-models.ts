import { checkSameClasses, headDifferences, KdError, type PluginScope } from '@kd/core';

/**
 * @param response whether both models' logits of the student's instances are compared
 * @throws KdError TEACHER_INVALID when the classes differ, or the models cannot classify the same instances
 */
export function checkModels(
  { id, student, teacher }: Pick<PluginScope, 'id' | 'student' | 'teacher'>,
  response: boolean,
): void {
  checkSameClasses(id, { student, teacher });
  if (!response) return;
  const refuse = (why: string): never => {
    throw new KdError(
      'TEACHER_INVALID',
      `${id}: ${why}, so that they cannot classify the same instances. Take a teacher of the student's kind, or set weights: { response: 0 } in the options of ${id}.`,
    );
  };
  const [own, other] = [student.secondStage, teacher.secondStage];
  if (own && other) {
    if (own.background !== other.background)
      refuse(
        `the background of the student is class ${own.background} of its logits, that of the teacher ${other.background}`,
      );
    return;
  }
  if (own || other) refuse(`the ${own ? 'student' : 'teacher'} alone has a second stage`);
  if (student.dense === undefined || teacher.dense === undefined) refuse('one of the models has no dense head');
  else {
    const differences = headDifferences(student.dense, teacher.dense, ['priorsPerCell']);
    if (differences.length > 0) refuse(differences.join('; '));
  }
}
