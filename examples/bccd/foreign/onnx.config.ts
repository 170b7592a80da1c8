// The teacher is EfficientNet-Lite0 with its ImageNet weights; KD_ONNX says where lite0.py wrote it.
import { resolve } from 'node:path';
import { defineConfig } from '@kd/core';
import { method, size, student, training } from './common.js';

export default defineConfig({
  ...training,
  student,
  teacher: [
    'onnx',
    {
      model: resolve(process.env.KD_ONNX ?? 'lite0.onnx'),
      input: { fixedSize: size, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
      // Outputs of blocks: the last maps of the stages are the wide ones inside of the next.
      taps: {
        c3: '/_blocks.4/Add_output_0',
        c4: '/_blocks.10/Add_output_0',
        c5: '/_blocks.15/_project_conv/Conv_output_0',
      },
    },
  ],
  distillers: [method],
});
