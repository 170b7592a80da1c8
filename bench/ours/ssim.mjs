// The SSIM loss of @kd on the native engine: arguments are the file of maps, shapes, threads, options; one timed run
// for each line of input, as one graph, or op by op with KD_BENCH_COMPILE=false.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { consoleLogger as logger } from '@kd/core';
import { tensorflow } from '@kd/engine-tensorflow';
import { ssimLoss } from '@kd/plugin-ssim';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import { resident } from './resident.mjs';
import { timed } from './timed.mjs';

const [file, shapes, threads, options] = process.argv.slice(2);
const engine = tensorflow({ intraOpThreads: Number(threads) });
const info = await engine.start();

let bytes = readFileSync(file);
let from = bytes.byteOffset;
const take = (shape) => {
  const size = shape.reduce((product, side) => product * side, 1);
  const map = tf.tensor4d(new Float32Array(bytes.buffer, from, size), shape);
  // Uploads, so that the first run does not.
  tf.dispose(tf.mul(map, map));
  from += size * 4;
  return map;
};
const students = JSON.parse(shapes).map(take);
const teachers = JSON.parse(shapes).map(take);
bytes = null;
const before = resident('VmRSS');

const settings = JSON.parse(options);
const plain = ({ students, teachers }) => {
  let losses = [];
  const { value, grads } = tf.valueAndGrads((...maps) => {
    losses = maps.map((map, i) => tf.keep(ssimLoss(map, teachers[i], settings)));
    return tf.addN(losses);
  })(students);
  return { value, grads, losses };
};
const total =
  process.env.KD_BENCH_COMPILE === 'false' || engine.compile === undefined
    ? plain
    : engine.compile(plain, { name: 'SSIM', logger });

console.log(JSON.stringify({ engine: `TensorFlow ${info.version}, ${info.device}` }));
for await (const _ of createInterface({ input: process.stdin })) {
  const { result, ...times } = await timed(async () => {
    const found = total({ students, teachers });
    await found.value.data();
    return found;
  });
  const { value, grads, losses } = result;
  const perLevel = losses.map((loss) => loss.dataSync()[0]);
  tf.dispose([value, grads, losses]);
  console.log(JSON.stringify({ ...times, rise_mb: resident('VmHWM') - before, losses: perLevel }));
}
