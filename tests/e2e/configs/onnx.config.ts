import { defineConfig } from '@kd/core';
import { tiny } from './tiny.js';

/** The same student, taught by a file of ONNX. */
export default defineConfig({
  ...tiny,
  compile: true,
  teacher: [
    'onnx',
    {
      model: process.env.KD_E2E_ONNX ?? '',
      input: { fixedSize: [64, 64], mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    },
  ],
  distillers: [['pkd', { adapter: 'conv1x1' }]],
});
