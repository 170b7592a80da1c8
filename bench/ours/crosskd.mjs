// One training step of a RetinaNet ResNet-18 with a ResNet-50 teacher: `plain` runs the teacher and uses nothing of it,
// `crosskd` (and `both`, with PKD)
// adds the terms. Arguments are the method, file of images, shape, boxes, threads; one timed step for each line of
// input.
import { createInterface } from 'node:readline';
import { retinanet } from '@kd/detector-retinanet';
import { crosskd } from '@kd/plugin-crosskd';
import { pkd } from '@kd/plugin-pkd';
import * as tf from '@tensorflow/tfjs-core';
import { readBatch } from './batch.mjs';
import { resident } from './resident.mjs';
import { nothing, stepWith, taught } from './taught.mjs';

const [method, file, shape, boxes, threads] = process.argv.slice(2);
const { engine, ...models } = await taught((options) => retinanet({ version: 1, ...options }), threads);
const batch = readBatch(file, JSON.parse(shape), JSON.parse(boxes));
const plugins = { plain: [nothing()], crosskd: [crosskd()], both: [crosskd(), pkd({ weight: 2 })] }[method];
const step = stepWith(models, plugins);

console.log(JSON.stringify({ engine }));
for await (const _ of createInterface({ input: process.stdin })) {
  const start = performance.now();
  const { terms, compiled } = await step(batch);
  console.log(
    JSON.stringify({
      ms: performance.now() - start,
      ...terms,
      compiled,
      tensors: tf.memory().numTensors,
      peak_mb: Math.round(resident('VmHWM')),
    }),
  );
}
