// Selection of prototypes by @kd on the native engine: arguments are the file of features (teacher rows, then student
// rows), a JSON of sizes
// and options, threads; one timed selection for each line of input.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tensorflow } from '@kd/engine-tensorflow';
import { selectPursuit } from '@kd/plugin-prototype';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import { resident } from './resident.mjs';
import { timed } from './timed.mjs';

const [file, json, threads] = process.argv.slice(2);
const { rows, teacherChannels, studentChannels, count, similarity, candidates, references } = JSON.parse(json);
const info = await tensorflow({ intraOpThreads: Number(threads) }).start();
const bytes = readFileSync(file);
const features = {
  teacher: new Float32Array(bytes.buffer, bytes.byteOffset, rows * teacherChannels),
  student: new Float32Array(bytes.buffer, bytes.byteOffset + rows * teacherChannels * 4, rows * studentChannels),
  teacherChannels,
  studentChannels,
};
tf.dispose(tf.matMul(tf.ones([64, 64]), tf.ones([64, 64])));
const before = resident('VmRSS');

console.log(JSON.stringify({ engine: `TensorFlow ${info.version}, ${info.device}` }));
for await (const _ of createInterface({ input: process.stdin })) {
  const { result: selection, ...times } = await timed(() =>
    selectPursuit(features, {
      count,
      similarity,
      candidates,
      density: references === null ? { exactRows: rows } : { exactRows: 1, references },
    }),
  );
  console.log(
    JSON.stringify({
      ...times,
      peak_mb: resident('VmHWM'),
      rise_mb: resident('VmHWM') - before,
      rows: [...selection.rows],
      objective: [...selection.objective],
      candidates: candidates === 'all' ? null : [...selection.candidates],
    }),
  );
}
