// 200 distillation steps by the trainer on the data of the demo, for each line of input: live tensors after each step,
// peak resident memory. The argument is the
// list of distillers as a config has it; without it that of the demo.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Trainer } from '@kd/core';
import { ports } from '@kd/cli';
import { tensorflow } from '@kd/engine-tensorflow';
import { batchSize, data, distillers, student, teacher, training } from '../../examples/demo/settings.mjs';
import { resident } from './resident.mjs';

const STEPS = 200;
const methods = process.argv[2] === undefined ? distillers : JSON.parse(process.argv[2]);
const engine = tensorflow();
const info = await engine.start();
const images = batchSize * STEPS;

async function train(out, config, listener) {
  const { val: _, ...own } = data;
  const whole = {
    ...training,
    engine,
    batchSize,
    seed: 0,
    checkpoint: { every: 1 },
    log: { every: 1 },
    ...config,
    data: { ...own, train: { ...own.train, images: config.images } },
  };
  delete whole.images;
  await new Trainer(whole, { ...ports, out, listeners: [{ name: 'counts', on: listener }] }).fit();
}

console.log(JSON.stringify({ engine: `TensorFlow ${info.version}, ${info.device}` }));
for await (const _ of createInterface({ input: process.stdin })) {
  const folder = await mkdtemp(join(tmpdir(), 'kd-bench-'));
  try {
    await train(join(folder, 'teacher'), { student: teacher, epochs: 1, images: batchSize }, () => {});
    const tensors = [];
    await train(
      join(folder, 'student'),
      { student, epochs: 1, images, teacher: { weights: join(folder, 'teacher') }, distillers: methods },
      (event) => {
        if (event.type === 'log') tensors.push(event.tensors);
      },
    );
    console.log(
      JSON.stringify({
        steps: tensors.length,
        tensors_first: tensors[0],
        tensors_second: tensors[1],
        tensors_last: tensors.at(-1),
        tensors_constant: new Set(tensors.slice(1)).size === 1,
        peak_mb: Math.round(resident('VmHWM')),
      }),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
