import { type ClassMatch, type Detector, KdError, type PluginScope, type RegionHead, sharedClasses } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { CrossKdOptions } from './options.js';

/** Two second stages that can be crossed. */
export interface RegionPairing {
  /** Blocks of the student's box head in front of the cut. */
  readonly i: number;
  readonly student: RegionHead;
  readonly teacher: RegionHead;
  /** What each crossed stage counts: the stages that both have, as the student weighs them. */
  readonly stages: readonly number[];
  /** Channels behind block `i`. */
  readonly channels: { readonly student: number; readonly teacher: number };
  readonly shared: ClassMatch;
  /** Index of the teacher's background in its logits. */
  readonly background: number;
}

/**
 * What can be told of two second stages before they run.
 * @throws KdError PLUGIN_REQUIRES, CONFIG_INVALID, TAP_MISMATCH, TEACHER_INVALID with the reason and a way out
 */
export function checkRegions(
  scope: PluginScope,
  { i = 0, tap, adapter }: Pick<CrossKdOptions, 'i' | 'tap' | 'adapter'>,
): RegionPairing {
  const { id, student, teacher, logger } = scope;
  const heads = { student: headOf(id, 'student', student), teacher: headOf(id, 'teacher', teacher) };
  const depths = { student: heads.student.depth('box'), teacher: heads.teacher.depth('box') };
  const most = Math.min(depths.student, depths.teacher);
  if (i > most)
    throw new KdError(
      'CONFIG_INVALID',
      `${id}: i is ${i}, but the box heads have student ${depths.student}, teacher ${depths.teacher} blocks. Set i to at most ${most}.`,
    );
  if (tap === 'pre')
    throw new KdError(
      'PLUGIN_REQUIRES',
      `${id}: tap "pre" reads a block before its ReLU, which box heads do not offer. Leave tap at "post".`,
    );
  const [own, taught] = [featureShape(heads.student, i), featureShape(heads.teacher, i)];
  const place = i === 0 ? 'pooled regions' : `regions behind ${i} ${i === 1 ? 'block' : 'blocks'} of the box head`;
  if (own[0] !== taught[0] || own[1] !== taught[1])
    throw new KdError(
      'TAP_MISMATCH',
      `${id}: ${place} differ: the student has ${own[0]} x ${own[1]} bins, the teacher ${taught[0]} x ${taught[1]}. Give both box heads the same bins (roi.outputSize), or cut behind a linear layer, which leaves none.`,
    );
  if (own[2] !== taught[2] && adapter === 'none')
    throw new KdError(
      'TAP_MISMATCH',
      `${id}: widths differ at the ${place}: the student has ${own[2]} channels, the teacher ${taught[2]}. Set adapter: 'conv1x1' in the options of ${id}, or give the student the teacher's width.`,
    );
  const stages = heads.student.stages.slice(0, heads.teacher.stages.length).map(({ weight }) => weight);
  if (heads.student.stages.length !== heads.teacher.stages.length)
    logger.info(
      `${id}: the student has ${told(heads.student)}, the teacher ${told(heads.teacher)}; those that both have are crossed, the first ${stages.length}.`,
    );
  return {
    i,
    ...heads,
    stages,
    channels: { student: own[2], teacher: taught[2] },
    shared: sharedClasses(scope),
    background: teacher.secondStage!.background,
  };
}

function headOf(id: string, role: string, { name, secondStage }: Detector): RegionHead {
  if (secondStage?.head !== undefined) return secondStage.head;
  throw new KdError(
    'PLUGIN_REQUIRES',
    `${id}: the second stage of the ${role} (${name}) cannot be cut, so that heads cannot be joined. Take a detector whose second stage has a head that can, or a plugin that needs features alone, e.g. pkd.`,
  );
}

/** [h, w, c] behind `i` blocks, asked of the head itself. */
function featureShape(head: RegionHead, i: number): readonly [number, number, number] {
  if (i === 0) return head.pooled;
  return tf.tidy(() => {
    const [, h, w, c] = head.run('box', tf.zeros([1, ...head.pooled]), { level: 0, to: i })['feature']!.shape;
    return [h, w, c] as const;
  }) as unknown as [number, number, number];
}

const told = ({ stages }: RegionHead): string => `${stages.length} ${stages.length === 1 ? 'box head' : 'box heads'}`;
