// The demo's student (96 x 96) trained by the trainer with its teacher and SSIM, or alone: images a second after the
// first steps. Arguments are `alone` or `taught`, what `compile` of the config is (true, false; default: it is not set);
// one training for each line of input.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ports } from '@kd/cli';
import { Trainer } from '@kd/core';
import { tensorflow } from '@kd/engine-tensorflow';
import { batchSize, data, distillers, student, teacher, training } from '../../examples/demo/settings.mjs';
import { resident } from './resident.mjs';

const [how, compile = 'default'] = process.argv.slice(2);
const WARM = 10;
const STEPS = Number(process.env.KD_BENCH_STEPS ?? 60);
const engine = tensorflow();
const info = await engine.start();

/** Figures of the steps after the first, which build and trace; all terms of the first steps. */
async function train(out, config, images, compiled) {
  const { val: _, ...own } = data;
  const logs = [];
  let started;
  const listener = {
    name: 'times',
    on: (event) => {
      if (event.type === 'start') started = performance.now();
      if (event.type === 'log') logs.push({ ...event, at: performance.now() });
    },
  };
  const whole = {
    ...training,
    engine,
    batchSize,
    seed: 0,
    epochs: 1,
    log: { every: WARM },
    ...(compiled === 'default' ? {} : { compile: compiled === 'true' }),
    ...config,
    data: { ...own, train: { ...own.train, images } },
  };
  await new Trainer(whole, { ...ports, out, listeners: [listener] }).fit();
  const [first, ...rest] = logs;
  const seconds = (rest.at(-1)?.at - first.at) / 1000;
  return {
    images_per_second: ((rest.at(-1)?.step - first.step) * batchSize) / seconds,
    first_steps_ms: first.at - started,
    terms: first.terms,
    waited: Math.max(...rest.map(({ waited }) => waited)),
  };
}

const folder = await mkdtemp(join(tmpdir(), 'kd-bench-'));
if (how === 'taught') await train(join(folder, 'teacher'), { student: teacher }, batchSize * 2 * WARM, compile);
console.log(JSON.stringify({ engine: `TensorFlow ${info.version}, ${info.device}` }));
let run = 0;
for await (const _ of createInterface({ input: process.stdin })) {
  const taught = how === 'taught' ? { teacher: { weights: join(folder, 'teacher') }, distillers } : {};
  const found = await train(join(folder, `student-${run++}`), { student, ...taught }, batchSize * STEPS, compile);
  console.log(JSON.stringify({ ...found, peak_mb: Math.round(resident('VmHWM')) }));
}
await rm(folder, { recursive: true, force: true });
