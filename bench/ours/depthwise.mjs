// Depthwise convolutions of @kd on the native engine: arguments are cases, images, threads; one timed round for each
// line of input.
import { createInterface } from 'node:readline';
import { tensorflow } from '@kd/engine-tensorflow';
import { depthwiseConv2d } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

const [cases, images, threads] = process.argv.slice(2).map((text) => JSON.parse(text));
const engine = tensorflow({ intraOpThreads: threads });
const info = await engine.start();
const runOp = engine.runOp.bind(engine);

const prepared = cases.map(([side, channels, stride, kernel]) => {
  const pad = (kernel - 1) / 2;
  const x = tf.randomNormal([images, side, side, channels]);
  const k = tf.randomNormal([kernel, kernel, 1, channels]);
  const options = { stride, pad };
  const dy = tf.tidy(() => tf.randomNormal(depthwiseConv2d(x, k, options, runOp).shape));
  return [
    () => depthwiseConv2d(x, k, options, runOp),
    () => tf.grad((of) => depthwiseConv2d(of, k, options, runOp))(x, dy),
    () => tf.grad((of) => depthwiseConv2d(x, of, options, runOp))(k, dy),
  ];
});

/** A gradient runs forward, too, and is timed with it. */
async function timed([forward, ofInput, ofKernel]) {
  const ms = [];
  for (const run of [forward, ofInput, ofKernel]) {
    const start = performance.now();
    const y = tf.tidy(run);
    await tf.tidy(() => tf.slice(tf.reshape(y, [-1]), 0, 1)).data();
    ms.push(performance.now() - start);
    y.dispose();
  }
  return ms;
}

console.log(JSON.stringify({ engine: `TensorFlow ${info.version}, ${info.device}` }));
for await (const _ of createInterface({ input: process.stdin })) {
  const start = performance.now();
  const times = [];
  for (const one of prepared) times.push(await timed(one));
  console.log(JSON.stringify({ ms: performance.now() - start, cases: times }));
}
