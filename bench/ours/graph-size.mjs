// How many ops the graph of a step has, of a ResNet-50 under retinanet, fcos or faster-rcnn; nothing is run. With `card`
// as the second argument in the pieces that a graphics card gets, whether there is one or not.
//   KD_BENCH_SIZE=800 KD_BENCH_BATCH=8 node bench/ours/graph-size.mjs retinanet card
import { buildDetector, consoleLogger as logger, deviceBatch, trainedVariables } from '@kd/core';
import { fasterRcnn } from '@kd/detector-faster-rcnn';
import { fcos } from '@kd/detector-fcos';
import { retinanet } from '@kd/detector-retinanet';
import { tensorflow } from '@kd/engine-tensorflow';
import * as tf from '@tensorflow/tfjs-core';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompiledStep } from '../../packages/core/dist/step/compiled-step.js';
import { BOXES, images, SHAPE } from '../detector-case.mjs';
import { readBatch } from './batch.mjs';

const [name, device] = process.argv.slice(2);
const detector = {
  retinanet: () => retinanet({ version: 1, backbone: 'resnet50' }),
  fcos: () => fcos({ norm: 'frozen', trainableLayers: 3, backbone: 'resnet50' }),
  'faster-rcnn': () => fasterRcnn({ version: 1, backbone: 'resnet50' }),
}[name]();
const engine = tensorflow();
await engine.start();
if (device === 'card') tf.backend().isUsingGpuDevice = true;
const categories = Array.from({ length: 91 }, (_, id) => ({ id, name: `class ${id}` }));
const { detector: student } = buildDetector(detector, { categories, seed: 1, runOp: engine.runOp });
const folder = mkdtempSync(join(tmpdir(), 'kd-bench-'));
const file = join(folder, 'images.f32');
writeFileSync(file, images());
const batch = deviceBatch(readBatch(file, SHAPE, BOXES));
rmSync(folder, { recursive: true });

const models = { student, teacher: null, distillers: [], taps: { student: [], teacher: [] } };
const compile = (fn, options) =>
  engine.compile(fn, {
    ...options,
    onTrace: ({ ops, constants, seconds }) => {
      console.log(JSON.stringify({ detector: name, shape: SHAPE, ops, constants, seconds }));
      process.exit();
    },
  });
new CompiledStep({ ...models, variables: trainedVariables(student, []), seed: 0 }, compile, { logger }).run(
  batch.images,
  batch.targets,
  { step: 0, steps: 1, epoch: 0, epochs: 1, fraction: 0 },
);
