// One training step of a RetinaNet ResNet-18 with a ResNet-50 teacher and one distillation term (ssim, crosskd, pkd;
// both: CrossKD and PKD; listening: backbone and neck of the teacher run, none: nothing of it). Arguments are method, file of images, shape,
// boxes, threads, folder of weights; one timed step for each line of input. The method `weights` writes those of both
// models into the folder, in torchvision's names, and ends.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { retinanet } from '@kd/detector-retinanet';
import { exportTorch } from '@kd/export';
import { crosskd } from '@kd/plugin-crosskd';
import { pkd } from '@kd/plugin-pkd';
import { ssim } from '@kd/plugin-ssim';
import { serializeSafetensors } from '@kd/weights';
import * as tf from '@tensorflow/tfjs-core';
import { readBatch } from './batch.mjs';
import { resident } from './resident.mjs';
import { listening, nothing, stepWith, taught } from './taught.mjs';
import { timed } from './timed.mjs';

const [method, file, shape, boxes, threads, weights] = process.argv.slice(2);
const { engine, ...models } = await taught((options) => retinanet({ version: 1, ...options }), threads);
if (method === 'weights') {
  for (const role of ['student', 'teacher']) {
    const { tensors } = await exportTorch(models[role], 'torchvision');
    writeFileSync(join(weights, `${role}.safetensors`), serializeSafetensors(tensors));
  }
  console.log(JSON.stringify({ engine }));
  process.exit();
}
const batch = readBatch(file, JSON.parse(shape), JSON.parse(boxes));
const plugins = {
  none: [nothing()],
  listening: [listening()],
  // The peer's SSIM has no other border rule.
  ssim: [ssim({ padding: 'valid' })],
  crosskd: [crosskd()],
  pkd: [pkd()],
  both: [crosskd(), pkd({ weight: 2 })],
}[method];
const step = stepWith(models, plugins);

console.log(JSON.stringify({ engine }));
for await (const _ of createInterface({ input: process.stdin })) {
  const { result, ...times } = await timed(() => step(batch));
  const { terms, compiled } = result;
  console.log(
    JSON.stringify({
      ...times,
      peak_mb: Math.round(resident('VmHWM')),
      terms,
      compiled,
      tensors: tf.memory().numTensors,
    }),
  );
}
