import { type ClassMatch, headDifferences, KdError, type PluginScope, sharedClasses } from '@kd/core';

type Scope = Pick<PluginScope, 'id' | 'student' | 'teacher'> & Partial<PluginScope>;

/**
 * @param response whether both models' logits of the student's instances are compared
 * @returns the classes whose logits are compared, or null: features are described by the classes of the data alone
 * @throws KdError TEACHER_INVALID when the models cannot classify the same instances
 */
export function checkModels(scope: Scope, response: boolean): ClassMatch | null {
  if (!response) return null;
  const { id, student, teacher } = scope;
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
    return sharedClasses(scope);
  }
  if (own || other) refuse(`the ${own ? 'student' : 'teacher'} alone has a second stage`);
  if (student.dense === undefined || teacher.dense === undefined) refuse('one of the models has no dense head');
  else {
    const differences = headDifferences(student.dense, teacher.dense, ['priorsPerCell']);
    if (differences.length > 0) refuse(differences.join('; '));
  }
  return sharedClasses(scope);
}
