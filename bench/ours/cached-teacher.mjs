// A line of input runs a short training with a teacher whose maps are there, and one with the same teacher cached.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { defineTeacher, silentLogger, Trainer } from '@kd/core';
import { synthetic } from '@kd/data';
import { retinanet } from '@kd/detector-retinanet';
import { tensorflow } from '@kd/engine-tensorflow';
import { metricByName } from '@kd/metrics';
import { pkd } from '@kd/plugin-pkd';
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
const data = { train: synthetic({ images: 16 }), workers: 1 };

/** Milliseconds of the fastest step after the first epoch. */
async function fastest(cacheTeacher) {
  const out = await mkdtemp(join(tmpdir(), 'kd-bench-'));
  const times = [];
  let last = 0;
  const on = ({ type, step }) => {
    if (type !== 'step') return;
    const now = performance.now();
    if (step > 3) times.push(now - last);
    last = now;
  };
  const config = {
    ...{ engine, data, cacheTeacher, epochs: 4, batchSize: 8, teacher: there() },
    student: retinanet({ backbone: 'resnet10', input }),
    distillers: [pkd({ taps: ['neck@p3', 'neck@p4', 'neck@p5'] })],
    checkpoint: { every: 100 },
  };
  await new Trainer(config, {
    ...{ out, format: safetensorsFormat, metric: metricByName, logger: silentLogger },
    listeners: [{ name: 'clock', on }],
  }).fit();
  await rm(out, { recursive: true });
  return Math.min(...times);
}

console.log(JSON.stringify({ engine: `TensorFlow ${info.version}, ${info.device}` }));
let turn = 0;
for await (const _ of createInterface({ input: process.stdin })) {
  const found = {};
  for (const cached of turn++ % 2 === 0 ? [false, true] : [true, false])
    found[cached ? 'cached_ms' : 'free_ms'] = await fastest(cached);
  console.log(JSON.stringify({ ms: found.cached_ms, ...found }));
}
