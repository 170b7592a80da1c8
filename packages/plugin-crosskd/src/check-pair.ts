import {
  type ClassMatch,
  type DenseInfo,
  type Detector,
  headDifferences,
  KdError,
  sharedClasses,
  type StagedHead,
} from '@kd/core';
import type { CrossKdOptions } from './options.js';

/** The branches of a dense head: a tower each for classes and boxes, or one for both in a region proposal network. */
const BRANCHES = [['cls', 'reg'], ['rpn']] as const;

export interface Pairing {
  /** Blocks of the student's towers. */
  readonly i: number;
  readonly branches: readonly string[];
  /** The option `coding`, or what stands for it. */
  readonly decoding: 'same' | 'teacher';
  /** Classes that are compared: those that both have. */
  readonly classes: number;
  readonly shared: ClassMatch;
  /** How many classes the teacher's maps have. */
  readonly teacherClasses: number;
  readonly student: DenseInfo;
  readonly teacher: DenseInfo;
  readonly teacherHead: StagedHead;
}

export type Models = Parameters<typeof sharedClasses>[0];

/**
 * What can be told of two detectors before they run.
 * @throws KdError PLUGIN_REQUIRES, TEACHER_INVALID, CONFIG_INVALID with the reason and a way out
 */
export function checkPair(models: Models, options: Pick<CrossKdOptions, 'i' | 'coding'>): Pairing {
  const { id, student, teacher } = models;
  for (const role of ['student', 'teacher'] as const) checkHead(models.id, role, models[role]);
  const branches = branchesOf(student.head!)!;
  if (branches !== branchesOf(teacher.head!))
    throw new KdError(
      'TEACHER_INVALID',
      `${id}: the heads have other branches: the student ${student.head!.branches.join(', ')}, the teacher ${teacher.head!.branches.join(', ')}. Take two detectors of a kind.`,
    );
  const [own, other] = [student.dense!, teacher.dense!];
  const coding = options.coding ?? (student.name === teacher.name ? 'same' : 'teacher');
  const different = headDifferences(own, other);
  if (coding === 'same' && different.length > 0) {
    throw new KdError(
      'TEACHER_INVALID',
      `${id}: the heads read their maps differently: ${different.join('; ')}. Boxes of one would be decoded as boxes of the other. Give the student the teacher's options, or set coding: "teacher" to read every prediction as the teacher does.`,
    );
  }
  const shared = sharedClasses(models);
  return {
    i: depthOf(models, branches, options.i),
    branches,
    decoding: coding,
    classes: shared.teacher.length,
    shared,
    teacherClasses: teacher.categories.length,
    student: own,
    teacher: other,
    teacherHead: teacher.head!,
  };
}

function checkHead(id: string, role: string, { name, head, dense }: Detector): void {
  const lacks = !head
    ? 'a staged head'
    : !dense
      ? 'to say how its maps are read (dense)'
      : branchesOf(head) === undefined
        ? BRANCHES[0]
            .filter((branch) => !head.branches.includes(branch))
            .map((branch) => `a branch "${branch}"`)
            .join(' and ')
        : '';
  if (lacks !== '')
    throw new KdError(
      'PLUGIN_REQUIRES',
      `${id}: the ${role} (${name}) lacks ${lacks}, so that heads cannot be joined. Take a dense one-stage detector, or a plugin that needs features alone, e.g. pkd.`,
    );
}

const branchesOf = ({ branches }: StagedHead): readonly string[] | undefined =>
  BRANCHES.find((set) => set.every((branch) => branches.includes(branch)));

function depthOf({ id, student, teacher }: Models, branches: readonly string[], wanted: number | undefined): number {
  const depths = Object.entries({ student, teacher }).flatMap(([role, { head }]) =>
    branches.map((branch) => ({ what: `${role} ${branch}`, depth: head!.depth(branch) })),
  );
  const most = Math.min(...depths.map(({ depth }) => depth));
  const usual = student.dense!.boxes === 'distance' ? 2 : 3;
  if (wanted === undefined) return Math.min(usual, most);
  if (wanted <= most) return wanted;
  throw new KdError(
    'CONFIG_INVALID',
    `${id}: i is ${wanted}, but the towers have ${depths.map(({ what, depth }) => `${what} ${depth}`).join(', ')} blocks. Set i to at most ${most}.`,
  );
}
