// Convolutions of @kd on the native engine: arguments are cases, images, threads; one timed round for each line of input.
import { createInterface } from 'node:readline';
import { depthwiseConv2d } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { engineWith } from './engine.mjs';

const [cases, images, threads] = process.argv.slice(2).map((text) => JSON.parse(text));
const engine = engineWith(threads);
const info = await engine.start();
const runOp = engine.runOp.bind(engine);

const prepared = cases.map(([side, channels, stride, kernel, out]) => {
  const pad = (kernel - 1) / 2;
  const x = tf.randomNormal([images, side, side, channels]);
  const k = tf.randomNormal(out === undefined ? [kernel, kernel, 1, channels] : [kernel, kernel, channels, out]);
  const convolved = (map, taps) =>
    out === undefined ? depthwiseConv2d(map, taps, { stride, pad }, runOp) : tf.conv2d(map, taps, stride, pad);
  const dy = tf.tidy(() => tf.randomNormal(convolved(x, k).shape));
  return [
    () => convolved(x, k),
    () => tf.grad((of) => convolved(of, k))(x, dy),
    () => tf.grad((of) => convolved(x, of))(k, dy),
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
