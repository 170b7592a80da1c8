// A step of the demo's student (96 x 96, 16 images) on the engine that the argument names, with one thread; with
// `kernels` as the second argument the time of each kernel on standard error. One timed step for each line of input.
import { createInterface } from 'node:readline';
import { parseOptions } from '@kd/core';
import { retinanet } from '@kd/detector-retinanet';
import { cpu } from '@kd/engine-cpu';
import { tensorflow } from '@kd/engine-tensorflow';
import { wasm } from '@kd/engine-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { batchSize, data, student } from '../../examples/demo/settings.mjs';
import { timed } from './timed.mjs';
import { trainingStep } from './training-step.mjs';

const [name, profiled] = process.argv.slice(2);
const threads = Number(process.env.KD_BENCH_THREADS ?? 1);
const engine = {
  tensorflow: () => tensorflow({ intraOpThreads: threads }),
  wasm: () => wasm({ threads }),
  cpu,
}[name]();
const info = await engine.start();
const { definition } = retinanet;
const detector = definition.create(parseOptions(definition.options, student[1], 'retinanet'), {
  categories: data.train.classes.map((className, id) => ({ id, name: className })),
  seed: 1,
  runOp: engine.runOp,
});
const size = data.train.size;
const each = (length, value) => Array.from({ length }, (_, i) => value(i));
const batch = {
  // The same on every engine: no picture, but with edges at each pixel, as noise has.
  images: Float32Array.from(each(batchSize * size * size * 3, (i) => ((i * 7919) % 256) / 128 - 1)),
  shape: [batchSize, size, size, 3],
  boxes: Float32Array.from(each(batchSize * 2, (i) => [8 + i, 10, 40 + i, 52]).flat()),
  labels: Int32Array.from(each(batchSize * 2, (i) => i % 2)),
  mask: new Float32Array(batchSize * 2).fill(1),
  maxBoxes: 2,
  imageSizes: each(batchSize, () => [size, size]),
  originalSizes: each(batchSize, () => [size, size]),
  ids: each(batchSize, (i) => i),
};
const models = { student: detector, teacher: null, distillers: [], taps: { student: [], teacher: [] } };
const step = trainingStep(models, { step: 0, steps: 1, epoch: 0, epochs: 1, fraction: 0 });

const spent = new Map();
if (profiled === 'kernels') {
  const stock = tf.engine().runKernel.bind(tf.engine());
  let depth = 0;
  tf.engine().runKernel = (kernel, ...rest) => {
    if (depth++ > 0) return stock(kernel, ...rest, depth--);
    const start = performance.now();
    try {
      return stock(kernel, ...rest);
    } finally {
      depth = 0;
      const before = spent.get(kernel) ?? { ms: 0, calls: 0 };
      spent.set(kernel, { ms: before.ms + performance.now() - start, calls: before.calls + 1 });
    }
  };
}

console.log(JSON.stringify({ peer: `${info.name} ${info.version}, ${info.threads} thread(s)` }));
for await (const _ of createInterface({ input: process.stdin })) {
  spent.clear();
  const { result, ...times } = await timed(() => step(batch));
  console.log(JSON.stringify({ ...times, terms: result.terms }));
  for (const [kernel, { ms: of, calls }] of [...spent].sort(([, a], [, b]) => b.ms - a.ms))
    console.error(`${of.toFixed(1).padStart(8)} ms ${String(calls).padStart(4)} ${kernel}`);
}
