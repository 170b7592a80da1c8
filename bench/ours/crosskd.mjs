// One training step of a RetinaNet ResNet-18 with a ResNet-50 teacher: `plain` runs the teacher and uses nothing of it,
// `crosskd` (and `both`, with PKD)
// adds the terms. Arguments are the method, file of images, shape, boxes, threads; one timed step for each line of
// input.
import { createInterface } from 'node:readline';
import {
  buildDetector,
  computeStep,
  createDistillers,
  createOptimizer,
  createRng,
  createServices,
  definePlugin,
  deviceBatch,
  disposeAll,
  LOGGER,
  RNG,
  silentLogger,
  STUDENT,
  TapRegistry,
  TEACHER,
  trainedVariables,
  Updater,
} from '@kd/core';
import { retinanet } from '@kd/detector-retinanet';
import { tensorflow } from '@kd/engine-tensorflow';
import { crosskd } from '@kd/plugin-crosskd';
import { pkd } from '@kd/plugin-pkd';
import * as tf from '@tensorflow/tfjs-core';
import { readBatch } from './batch.mjs';
import { resident } from './resident.mjs';

const [method, file, shape, boxes, threads] = process.argv.slice(2);
const engine = tensorflow({ intraOpThreads: Number(threads) });
const info = await engine.start();
const batch = readBatch(file, JSON.parse(shape), JSON.parse(boxes));
const categories = Array.from({ length: 80 }, (_, id) => ({ id, name: `class ${id}` }));
const build = (backbone, seed) =>
  buildDetector(retinanet({ version: 1, backbone }), { categories, seed, runOp: engine.runOp }).detector;
const [student, teacher] = [build('resnet18', 1), build('resnet50', 2)];
/** The teacher is run where there is a distiller; this one asks for nothing. */
const nothing = definePlugin({
  name: 'nothing',
  apiVersion: 1,
  options: crosskd.definition.options,
  requires: {},
  create: () => ({}),
});
const plugins = { plain: [nothing()], crosskd: [crosskd()], both: [crosskd(), pkd({ weight: 2 })] }[method];

const services = createServices();
for (const [token, value] of [
  [STUDENT, student],
  [TEACHER, teacher],
  [LOGGER, silentLogger],
  [RNG, createRng(0)],
])
  services.register(token, value);
const registry = new TapRegistry({ student, teacher });
const distillers = createDistillers(plugins, services, registry);
const variables = trainedVariables(student, distillers);
const updater = new Updater(variables, createOptimizer({ name: 'sgd', momentum: 0.9, weightDecay: 1e-4 }), {
  clipNorm: null,
  emaDecay: null,
});
const models = {
  student,
  teacher,
  distillers,
  taps: { student: registry.requested('student'), teacher: registry.requested('teacher') },
  variables,
  rng: createRng(0),
};

console.log(JSON.stringify({ engine: `TensorFlow ${info.version}, ${info.device}` }));
for await (const _ of createInterface({ input: process.stdin })) {
  const start = performance.now();
  const { images, targets } = deviceBatch(batch);
  const result = computeStep(models, images, targets, { step: 0, steps: 1, epoch: 0, epochs: 1, fraction: 0 });
  updater.apply(result.gradients, 1e-4);
  const terms = await result.terms.data();
  disposeAll([
    images,
    targets.boxes,
    targets.labels,
    targets.mask,
    result.terms,
    [...result.gradients.values()],
    result.updates.map(({ value }) => value),
  ]);
  console.log(
    JSON.stringify({
      ms: performance.now() - start,
      ...Object.fromEntries(result.names.map((name, i) => [name, terms[i]])),
      tensors: tf.memory().numTensors,
      peak_mb: Math.round(resident('VmHWM')),
    }),
  );
}
