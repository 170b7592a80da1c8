// Prototypes on BCCD at 160x120: a one-stage and a two-stage detector, each with its teacher.
import { join } from 'node:path';
import type { Config } from '@kd/core';
import { kept as denseKept, student as denseStudent, teacher as denseTeacher, training } from '../dense/models.js';

type Model = Config['student'];

const regions = {
  norm: 'group',
  returnedLayers: [1, 2, 3],
  fpnChannels: 32,
  extra: 'none',
  input: { fixedSize: [120, 160] },
  anchors: { sizes: [[10], [25], [45]] },
  rpn: { preNmsTopN: 300, postNmsTopN: 150, batchSize: 128 },
  roi: { batchSize: 64, canonicalScale: 56 },
  box: { representationSize: 128 },
};

export type Kind = 'retinanet' | 'faster-rcnn';
export const teacher = (kind: Kind): Model =>
  kind === 'retinanet'
    ? denseTeacher(kind)
    : [kind, { ...regions, backbone: { block: 'basic', layers: [2, 2, 2, 2], width: 32 } }];
export const student = (kind: Kind): Model =>
  kind === 'retinanet'
    ? denseStudent(kind)
    : [kind, { ...regions, backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 8 } }];

/** The teachers that lie in this repository. */
export const kept = (kind: Kind) =>
  kind === 'retinanet' ? denseKept(kind) : { weights: join(import.meta.dirname, `${kind}-teacher.safetensors`) };

export { training };
