// One training step of a student with a ResNet-50 teacher for each of several methods, in turn, in one process: times by
// name, `plain` the one that runs the teacher and uses nothing of it. Arguments are the detector, names of methods,
// file of images, shape, boxes, threads; one timed round for each line of input.
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { importByName } from '@kd/core';
import { gfl } from '@kd/detector-gfl';
import { retinanet } from '@kd/detector-retinanet';
import { readBatch } from './batch.mjs';
import { listening, stepWith, taught } from './taught.mjs';
import { timed } from './timed.mjs';

const [detector, methods, file, shape, boxes, threads] = process.argv.slice(2);
const detectors = { retinanet: (options) => retinanet({ version: 1, ...options }), gfl: (options) => gfl(options) };
const { engine, ...models } = await taught(detectors[detector], threads);
const batch = readBatch(file, JSON.parse(shape), JSON.parse(boxes));
const root = fileURLToPath(new URL('../..', import.meta.url));
const steps = new Map([['plain', stepWith(models, [listening()])]]);
for (const name of methods.split(',')) {
  const definition = await importByName('distiller', name, root);
  steps.set(name, stepWith(models, [{ definition, options: {} }]));
}

console.log(JSON.stringify({ engine }));
for await (const _ of createInterface({ input: process.stdin })) {
  const times = {};
  for (const [name, step] of steps) {
    const { ms, cpu_ms } = await timed(() => step(batch));
    times[name] = { ms, cpu_ms };
  }
  console.log(JSON.stringify(times));
}
