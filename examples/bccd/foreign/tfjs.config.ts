// The teacher is the CenterNet (MobileNetV3, 80 classes of COCO) that the package @vladmandic/human carries for
// TensorFlow.js. KD_TFJS says where its models/centernet.json lies. It was made for images of 512 x 512 alone.
import { resolve } from 'node:path';
import { defineConfig } from '@kd/core';
import { method, student, training } from './common.js';

export default defineConfig({
  ...training,
  student,
  teacher: [
    'tfjs',
    {
      model: resolve(process.env.KD_TFJS ?? 'node_modules/@vladmandic/human/models/centernet.json'),
      input: { fixedSize: [512, 512], range: 255, mean: [0, 0, 0], std: [1, 1, 1] },
      taps: {
        p3: 'tower_0/CenternetHead/c3_upsample/add',
        p4: 'tower_0/CenternetHead/c4_upsample/add',
        p5: 'tower_0/CenternetHead/c5_upsample/add',
      },
    },
  ],
  distillers: [method],
});
