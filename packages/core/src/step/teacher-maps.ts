import * as tf from '@tensorflow/tfjs-core';
import type { TapInfo } from '../contract/detector.js';
import type { Teacher, TeacherImages, TeacherOutput } from '../contract/teacher.js';
import { isKdError, KdError, messageOf } from '../errors.js';
import { disposeAll } from '../tidy.js';

/**
 * Runs a teacher, and looks at what it gives before anybody computes with it.
 * @returns its output, which the caller disposes
 * @throws KdError TEACHER_INVALID naming the tap that is missing, or is no map of its stride; PLUGIN_HOOK for what
 *   `forward` throws
 */
export async function teacherMaps(
  teacher: Teacher,
  images: TeacherImages,
  wanted: readonly string[],
): Promise<TeacherOutput> {
  let output: TeacherOutput;
  try {
    output = await teacher.forward(images, wanted);
  } catch (cause) {
    if (isKdError(cause)) throw cause;
    throw new KdError('PLUGIN_HOOK', `teacher "${teacher.name}": forward threw: ${messageOf(cause)}`.split('\n'), {
      cause,
    });
  }
  try {
    const maps = (output as Partial<TeacherOutput> | undefined)?.maps ?? {};
    for (const name of wanted) checkMap(teacher, images, teacher.taps.find((tap) => tap.name === name)!, maps[name]);
    return output;
  } catch (error) {
    disposeAll(output);
    throw error;
  }
}

function checkMap({ name: who, input }: Teacher, { shape }: TeacherImages, tap: TapInfo, map: unknown): void {
  const refuse = (why: string): never => {
    throw new KdError('TEACHER_INVALID', `teacher "${who}": the tap "${tap.name}" ${why}.`);
  };
  if (map === undefined) refuse('was asked for, and forward did not give it');
  if (!(map instanceof tf.Tensor) || map.rank !== 4 || map.dtype !== 'float32')
    return refuse(
      `is no map: it must be a float32 tensor [b, h, w, c]; got ${map instanceof tf.Tensor ? `${map.dtype} [${map.shape.join(', ')}]` : typeof map}. Choose another tap`,
    );
  const [b, h, w, c] = map.shape as [number, number, number, number];
  const [height, width] = input.layout === 'nchw' ? [shape[2], shape[3]] : [shape[1], shape[2]];
  if (b !== shape[0] || c !== tap.channels)
    refuse(
      `has the shape [${map.shape.join(', ')}]; of ${shape[0]} images and ${tap.channels} channels it must be [${shape[0]}, h, w, ${tap.channels}]`,
    );
  if (Math.abs(h - height / tap.stride) > 1 || Math.abs(w - width / tap.stride) > 1)
    refuse(
      `says stride ${tap.stride}, but its map has ${h} x ${w} cells for ${height} x ${width} pixels. Give its stride, or choose another tap`,
    );
}
