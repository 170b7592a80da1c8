// A detector of @kd on the native engine: arguments are its name, mode (step, infer; weights: writes them for
// torchvision, and ends), file of images, shape, boxes, threads, folder of weights, a second shape; one timed run for
// each line of input, of the second shape where the line says `second`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { compilerOf, createInference, parseOptions } from '@kd/core';
import { fasterRcnn } from '@kd/detector-faster-rcnn';
import { fcos } from '@kd/detector-fcos';
import { gfl } from '@kd/detector-gfl';
import { retinanet } from '@kd/detector-retinanet';
import { exportTorch } from '@kd/export';
import { serializeSafetensors } from '@kd/weights';
import * as tf from '@tensorflow/tfjs-core';
import { readBatch } from './batch.mjs';
import { engineWith, nameOf } from './engine.mjs';
import { resident } from './resident.mjs';
import { timed } from './timed.mjs';
import { trainingStep } from './training-step.mjs';

const [name, mode, file, shapeText, boxesText, threads, weights, secondText] = process.argv.slice(2);
const engine = engineWith(threads);
const info = await engine.start();
const shape = JSON.parse(shapeText);
const perImage = JSON.parse(boxesText);
const batch = readBatch(file, shape, perImage);
const second = secondText && readBatch(file, JSON.parse(secondText), perImage);
// torchvision counts the background of a two-stage detector among its 91 classes.
const categories = Array.from({ length: name === 'faster-rcnn' ? 90 : 91 }, (_, id) => ({ id, name: `class ${id}` }));
const { definition, options } = {
  retinanet: { definition: retinanet.definition, options: { version: 1, backbone: 'resnet50' } },
  'retinanet-r18': { definition: retinanet.definition, options: { version: 1, backbone: 'resnet18' } },
  'faster-rcnn': { definition: fasterRcnn.definition, options: { version: 1, backbone: 'resnet50' } },
  fcos: { definition: fcos.definition, options: { backbone: 'resnet50', norm: 'frozen', trainableLayers: 3 } },
  gfl: { definition: gfl.definition, options: { backbone: 'resnet50', norm: 'frozen', trainableLayers: 3 } },
}[name];
const detector = definition.create(parseOptions(definition.options, options, name), {
  categories,
  seed: 1,
  runOp: engine.runOp,
});
const variable = (path) => detector.variables.find((one) => one.path === path).variable;

const phases = {};
const tenths = (ms) => Math.round(ms * 10) / 10;

function stepRunner() {
  const models = { student: detector, teacher: null, distillers: [], taps: { student: [], teacher: [] } };
  const step = trainingStep(models, { step: 0, steps: 1, epoch: 0, epochs: 1, fraction: 0 }, engine);
  return async (line) => {
    const { terms, gradientsMs, compiled } = await step(line === 'second' ? second : batch);
    phases.gradients_ms = tenths(gradientsMs);
    return { terms, compiled };
  };
}

/**
 * Forward and post-processing, from the batch to detections on the host, compiled as `kd eval` does it;
 * KD_BENCH_COMPILE=false runs it op by op.
 */
function inferRunner() {
  spreadScores();
  const compile = process.env.KD_BENCH_COMPILE === 'false' ? null : compilerOf(engine);
  const inference = createInference(detector, { compile });
  const detect = () => inference.detect(batch);
  let first = true;
  return async () => {
    // The first ones run op by op; the graph is traced in the first run that is counted.
    if (first) for (let i = 0; i < 2; i++) await detect();
    first = false;
    const found = await detect();
    return {
      terms: Object.fromEntries(
        found.flatMap(({ scores }, i) => [
          [`detections of image ${i}`, scores.length],
          [`scores of image ${i}`, scores.reduce((sum, score) => sum + score, 0)],
        ]),
      ),
    };
  };
}

/**
 * Scales the logits of the untrained head to a spread of 0.7 round 0.01, so that about one pair in a hundred passes the
 * threshold.
 */
function spreadScores() {
  const kernel = variable('head.classification_head.cls_logits/kernel');
  tf.tidy(() => {
    const [finest] = detector.forward(tf.tensor4d(batch.images, shape), { training: false }).predictions.cls;
    kernel.assign(tf.mul(kernel, tf.div(0.7, tf.sqrt(tf.moments(finest).variance))));
  });
}

if (mode === 'weights') {
  const { tensors } = await exportTorch(detector, 'torchvision');
  writeFileSync(join(weights, 'weights.safetensors'), serializeSafetensors(tensors));
  console.log('{}');
  process.exit();
}
const run = mode === 'step' ? stepRunner() : inferRunner();
console.log(JSON.stringify({ engine: nameOf(info) }));
for await (const line of createInterface({ input: process.stdin })) {
  const { result, ...times } = await timed(() => run(line));
  console.log(
    JSON.stringify({
      ...times,
      ...phases,
      ...result,
      tensors: tf.memory().numTensors,
      peak_mb: Math.round(resident('VmHWM')),
    }),
  );
}
