// RetinaNet on EfficientNet-Lite0, from scratch and from the weights of ImageNet that `kd weights list` shows; else the
// images, head and optimiser of ../dense, for half as many steps. See queue.mjs, which trains all six.
import { defineConfig } from '@kd/core';
import { kinds, training } from '../dense/models.js';

const { KD_START = 'scratch' } = process.env;
if (KD_START !== 'scratch' && KD_START !== 'pretrained')
  throw new Error(`KD_START is ${KD_START}; it must be scratch or pretrained.`);

/** The pixels that the weights were trained on; both students see them. */
const pixels = { mean: [127, 127, 127], std: [128, 128, 128], range: 255 };

export default defineConfig({
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
  ...(KD_START === 'pretrained' && { init: 'pretrained' }),
  epochs: 6,
});
