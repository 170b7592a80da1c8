// Dense detectors: BCCD at 160x120, teachers and students of three kinds. The studies beside compare methods on them.
import { join } from 'node:path';
import type { Config } from '@kd/core';
import { training as shared } from '../common.js';

type Model = Config['student'];

/**
 * Levels of strides 4, 8 and 16: a platelet is ten pixels wide. Both models see the same input, and neck and head have
 * the same widths.
 */
const common = {
  norm: 'group',
  returnedLayers: [1, 2, 3],
  fpnChannels: 32,
  extra: 'none',
  input: { fixedSize: [120, 160] },
  head: { depth: 4, groups: 8 },
};
const large = { block: 'basic', layers: [2, 2, 2, 2], width: 32 };
const small = { block: 'basic', layers: [1, 1, 1, 1], width: 8 };
export const kinds = {
  gfl: { ...common, anchorScale: 4 },
  fcos: {
    ...common,
    flavour: 'mmdet',
    regressRanges: [
      [-1, 16],
      [16, 32],
      [32, 1e8],
    ],
  },
  retinanet: {
    ...common,
    head: { ...common.head, norm: 'group' },
    anchors: {
      sizes: [
        [8, 10, 12.5],
        [16, 20, 25],
        [32, 40, 50],
      ],
    },
  },
};

export type Kind = keyof typeof kinds;
export const teacher = (kind: Kind): Model => [kind, { ...kinds[kind], backbone: large }];
export const student = (kind: Kind): Model => [kind, { ...kinds[kind], backbone: small }];

/** The teacher that lies here. */
export const kept = (kind: Kind) => ({ weights: join(import.meta.dirname, `${kind}-teacher.safetensors`) });

export const training = { ...shared, evaluate: { every: 0 } } satisfies Partial<Config>;
