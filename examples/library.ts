// The library without the command line. Node 22.18 runs it as it is: `node examples/library.ts`; for Node 20 compile
// it, or use tsx.
import { defineConfig, Trainer } from '@kd/core';
import { coco } from '@kd/data';
import { retinanet } from '@kd/detector-retinanet';
import { metricByName } from '@kd/metrics';
import { ssim } from '@kd/plugin-ssim';
import { safetensorsFormat } from '@kd/weights';

const [train, val] = ['train', 'val'].map((split) =>
  coco({ annotations: `data/annotations/instances_${split}.json`, images: 'data/JPEGImages' }),
);
const student = retinanet({ backbone: 'resnet18', input: { minSize: 320 } });
const config = defineConfig({
  student,
  teacher: { weights: 'runs/teacher' },
  distillers: [ssim({ weight: 4 })],
  data: { train: train!, val: val! },
  epochs: 12,
  evaluate: { metric: 'coco' }, // or ['coco', { maxDetections: [1, 10, 300] }]
});
const summary = await new Trainer(config, {
  out: 'runs/student',
  format: safetensorsFormat,
  metric: metricByName,
}).fit();
console.log(summary?.metrics);
