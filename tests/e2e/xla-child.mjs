// Run by xla.test.ts: an engine has its options once a process. Trains two steps that XLA compiles and two op by op of
// each model, and compiles an op that XLA cannot; prints terms, warnings and the error as one line of JSON.
import { join } from 'node:path';
import { ports } from '@kd/cli';
import { Trainer } from '@kd/core';
import { fcos } from '@kd/detector-fcos';
import { retinanet } from '@kd/detector-retinanet';
import { tensorflow } from '@kd/engine-tensorflow';
import { fitnets } from '@kd/plugin-imitation';
import { ssim } from '@kd/plugin-ssim';
import * as tf from '@tensorflow/tfjs-core';

const folder = process.argv[2];
const engine = tensorflow({ xla: true });
const warnings = [];
const logger = { info() {}, warn: (text) => warnings.push(text) };
const trunk = {
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 4 },
  ...{ fpnChannels: 8, extra: 'none', input: { fixedSize: [96, 96] } },
};
const anchors = { sizes: [[16], [32], [64]] };
const live = () => retinanet({ ...trunk, norm: 'live', head: { depth: 1 }, anchors });
const groups = { depth: 1, norm: 'group', groups: 2 };
const data = {
  train: {
    ...{ format: 'synthetic', name: 'pictures', classes: ['striped-disk', 'speckled-ring'], size: 96 },
    ...{ sizes: [20, 60], objects: [1, 3], images: 4, seed: 1 },
  },
  workers: 0,
};

async function trained(name, config) {
  const logs = [];
  const on = (event) => void (event.type === 'log' && logs.push(event.terms));
  // Adam would make a sign of the noise in gradients that are next to nothing.
  const rest = { engine, data, batchSize: 2, epochs: 1, log: { every: 1 }, optimizer: { name: 'sgd', lr: 0.02 } };
  const listeners = [{ name: 'test', on }];
  await new Trainer({ ...rest, ...config }, { ...ports, folder, out: join(folder, name), logger, listeners }).fit();
  return logs;
}

const configs = {
  retinanet: () => ({ student: retinanet({ ...trunk, head: groups, anchors }) }),
  live: () => ({ student: live() }),
  fcos: () => ({ student: fcos({ ...trunk, head: { depth: 1, groups: 2 } }) }),
  taught: () => ({
    student: live(),
    teacher: { weights: join(folder, 'live-plain') },
    distillers: [fitnets(), ssim()],
  }),
};
const models = {};
for (const [name, config] of Object.entries(configs)) {
  const plain = await trained(`${name}-plain`, { ...config(), compile: false });
  models[name] = { plain, compiled: await trained(name, config()) };
}

const image = tf.ones([1, 8, 8, 1]);
const crop = engine.compile((x) => tf.image.cropAndResize(x, [[0, 0, 1, 1]], [0], [4, 4]), { name: 'a crop', logger });
const refused = [];
for (const call of [crop.later, crop])
  try {
    await call(image);
  } catch ({ code, message }) {
    refused.push({ code, message });
  }
process.stdout.write(JSON.stringify({ models, warnings, refused }), () => process.exit());
