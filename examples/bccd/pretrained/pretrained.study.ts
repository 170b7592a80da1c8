// RetinaNet on EfficientNet-Lite0, from scratch and from the weights of ImageNet that `kd weights list` shows; else the
// images, head and optimiser of ../dense, for half as many steps.
//
//   KD_DATA=/path/to/bccd pnpm kd compare examples/bccd/pretrained/pretrained.study.ts --out runs/bccd-pretrained
import { defineStudy } from '@kd/core';
import { split } from '../common.js';
import { kinds, training } from '../dense/models.js';

/** The pixels that the weights were trained on; both students see them. */
const pixels = { mean: [127, 127, 127], std: [128, 128, 128], range: 255 };

export default defineStudy({
  student: {
    ...training,
    student: [
      'retinanet',
      {
        ...kinds.retinanet,
        // The published momentum is 0.01: the statistics of a network from scratch would still lag behind at the end.
        backbone: ['efficientnet-lite', { version: 0, momentum: 0.1 }],
        norm: 'live',
        input: { ...kinds.retinanet.input, ...pixels },
      },
    ],
    epochs: 6,
  },
  variants: {
    scratch: {},
    imagenet: { init: 'pretrained' },
  },
  base: 'scratch',
  test: split('test'),
});
