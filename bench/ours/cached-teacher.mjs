// Two trainings that take turns step by step: with a teacher whose maps are there, and with the same teacher cached. The
// arguments are how many epochs are timed behind the first, and the student; a line of input runs both.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { defineTeacher, silentLogger, Trainer } from '@kd/core';
import { synthetic } from '@kd/data';
import { retinanet } from '@kd/detector-retinanet';
import { tensorflow } from '@kd/engine-tensorflow';
import { metricByName } from '@kd/metrics';
import { fitnets } from '@kd/plugin-imitation';
import { safetensorsFormat } from '@kd/weights';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';

const SIDE = 320;
const STRIDES = [8, 16, 32];
const input = { minSize: SIDE, maxSize: SIDE, fixedSize: [SIDE, SIDE], channels: 'rgb' };

/** Its maps are made once; the student's own images are its input, so that none is prepared for it. */
const there = defineTeacher({
  name: 'there',
  apiVersion: 1,
  options: v.strictObject({}),
  create: () => {
    const made = new Map();
    const map = (stride, b) => {
      const key = `${stride} ${b}`;
      const side = SIDE / stride;
      if (!made.has(key)) made.set(key, tf.keep(tf.randomNormal([b, side, side, 256])));
      return tf.clone(made.get(key));
    };
    return {
      name: 'there',
      input: { ...input, minSize: [SIDE], mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], sizeDivisible: 32 },
      taps: STRIDES.map((stride) => ({ name: `c${stride}`, stride, channels: 256 })),
      fingerprint: 'there',
      forward: ({ shape }, wanted) => ({
        maps: Object.fromEntries(wanted.map((name) => [name, map(Number(name.slice(1)), shape[0])])),
      }),
      dispose: () => tf.dispose([...made.values()]),
    };
  },
});

const engine = tensorflow();
const info = await engine.start();
const data = { train: synthetic({ images: 32 }), workers: 1 };
const STEPS = 4;
const STUDENTS = {
  bccd: {
    backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 8 },
    ...{ norm: 'group', fpnChannels: 64, extra: 'none', head: { depth: 1 } },
  },
  resnet10: { backbone: 'resnet10', fpnChannels: 128, head: { depth: 2 } },
};
const epochs = 1 + Number(process.argv[2]);

const now = () => {
  const { user, system } = process.cpuUsage();
  return { ms: performance.now(), cpu: (user + system) / 1000 };
};

/**
 * Trains, and gives what each step took from the second epoch on.
 * @param pass hands over to the other training, and waits until that hands over
 */
async function timed(cacheTeacher, pass) {
  const out = await mkdtemp(join(tmpdir(), 'kd-bench-'));
  const steps = [];
  let began = now();
  const on = async ({ type, step }) => {
    if (type !== 'step') return;
    const ended = now();
    if (step > STEPS) steps.push({ ms: ended.ms - began.ms, cpu: ended.cpu - began.cpu });
    await pass();
    began = now();
  };
  const config = {
    ...{ engine, data, cacheTeacher, epochs, batchSize: 8, teacher: there() },
    student: retinanet({ ...STUDENTS[process.argv[3]], input }),
    distillers: [fitnets({ taps: 'neck@*' })],
    checkpoint: { every: 1000 },
  };
  await new Trainer(config, {
    ...{ out, format: safetensorsFormat, metric: metricByName, logger: silentLogger },
    listeners: [{ name: 'clock', on }],
  }).fit();
  await rm(out, { recursive: true });
  return steps;
}

async function both() {
  const wake = [];
  const pass = (me) => () =>
    new Promise((go) => {
      wake[me] = go;
      wake[1 - me]?.();
    });
  const ended = (me) => (steps) => (wake[1 - me]?.(), steps);
  const free = timed(false, pass(0)).then(ended(0));
  // The second one starts when the first has done a step.
  await new Promise((go) => (wake[1] = go));
  return Promise.all([free, timed(true, pass(1)).then(ended(1))]);
}

console.log(JSON.stringify({ engine: `TensorFlow ${info.version}, ${info.device}` }));
for await (const _ of createInterface({ input: process.stdin })) {
  const [free, cached] = await both();
  const steps = free.map((step, i) => ({
    ...{ free_ms: step.ms, free_cpu: step.cpu, cached_ms: cached[i].ms, cached_cpu: cached[i].cpu },
  }));
  console.log(JSON.stringify({ ms: Math.min(...cached.map(({ ms }) => ms)), steps }));
}
