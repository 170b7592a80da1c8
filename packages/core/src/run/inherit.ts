import type { Detector } from '../contract/detector.js';
import { KdError } from '../errors.js';

export const INHERITABLE = ['neck', 'head'] as const;
export type Inheritable = (typeof INHERITABLE)[number];

/**
 * A teacher; with `otherClasses` where they are others than the student's, or in another order, `foreign` where it
 * gives features alone.
 */
interface Lender {
  readonly detector: Detector;
  readonly otherClasses?: boolean;
  readonly foreign?: unknown;
}

/** What a student starts with of its teacher: tensors of one name and shape. */
export interface InheritedPart {
  readonly part: Inheritable;
  /** Those that are the teacher's. */
  readonly tensors: number;
  /** All that the part has. */
  readonly of: number;
}

/** Parts of a model go by the names of its tensors, which are torchvision's: `backbone.fpn.…`, `head.…`, `rpn.…`. */
function partOf(path: string): Inheritable | 'backbone' {
  const names = path.split(/[./]/);
  if (names.includes('fpn') || names.includes('neck')) return 'neck';
  return names[0] === 'backbone' ? 'backbone' : 'head';
}

/**
 * Starts parts of the student from the only teacher's, where names and shapes agree; what does not is told.
 * @param options.copy false only says what a start would take: a run that goes on has its weights already
 * @param options.tell called for a part that is not taken whole
 * @throws KdError CONFIG_INVALID where a part cannot be the teacher's at all
 */
export function inheritParts(
  student: Detector,
  teachers: readonly Lender[],
  parts: readonly Inheritable[],
  { copy, tell }: { readonly copy: boolean; readonly tell: (line: string) => void },
): InheritedPart[] {
  if (parts.length === 0) return [];
  const [{ detector: teacher, otherClasses, foreign }] = teachers as [Lender];
  if (foreign !== undefined)
    throw new KdError(
      'CONFIG_INVALID',
      `inherit: the teacher (${teacher.name}) gives features alone and has no neck or head to start from. Leave inherit out, or take a detector: teacher: { weights: "<run folder or checkpoint>" }.`,
    );
  const theirs = new Map(teacher.variables.map(({ path, variable }) => [path, variable]));
  const shapeOf = (path: string): string => `[${theirs.get(path)?.shape.join(', ') ?? ''}]`;
  return [...new Set(parts)].map((part) => {
    if (part === 'head' && student.name !== teacher.name)
      throw new KdError(
        'CONFIG_INVALID',
        `inherit: the head of the teacher (${teacher.name}) predicts in another way than the student's (${student.name}); layers of one shape would mean other things. Leave "head" out.`,
      );
    if (part === 'head' && otherClasses === true)
      throw new KdError(
        'CONFIG_INVALID',
        'inherit: the head of the teacher predicts other classes than the student\'s, or in another order. Leave "head" out.',
      );
    const own = student.variables.filter(({ path }) => partOf(path) === part);
    const same = own.filter(({ path, variable }) => theirs.get(path)?.shape.join() === variable.shape.join());
    if (same.length === 0)
      throw new KdError(
        'CONFIG_INVALID',
        own.length === 0
          ? `inherit: the student (${student.name}) has no tensor of a ${part}. Leave "${part}" out.`
          : `inherit: nothing of the teacher's ${part} fits the student's: ${own[0]!.path} is [${own[0]!.variable.shape.join(', ')}] here, ${theirs.has(own[0]!.path) ? shapeOf(own[0]!.path) : 'missing'} there. Give the student the teacher's widths, or leave "${part}" out.`,
      );
    if (copy) for (const { path, variable } of same) variable.assign(theirs.get(path)!);
    const others = own.filter((one) => !same.includes(one));
    if (others.length > 0)
      tell(
        `inherit: ${others.length} of ${own.length} tensors of the ${part} are not the teacher's, which has ${others
          .slice(0, 3)
          .map(
            ({ path, variable }) =>
              `${path} ${theirs.has(path) ? `as ${shapeOf(path)}` : 'not at all'} (here [${variable.shape.join(', ')}])`,
          )
          .join('; ')}${others.length > 3 ? `; and ${others.length - 3} more` : ''}.`,
      );
    return { part, tensors: same.length, of: own.length };
  });
}
