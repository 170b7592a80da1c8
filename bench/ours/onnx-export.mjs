// Two ONNX files of one detector in onnxruntime-node: arguments are the folder with ours.onnx and theirs.onnx, the side
// of the image, threads, and `both` or `alone`. First it checks that they find the same; then each line of input runs
// both, in turn.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const require = createRequire(import.meta.resolve('@kd/teacher-onnx'));
const { InferenceSession, Tensor } = require('onnxruntime-node');

// The last line of an error is what the benchmark tells.
process.on('uncaughtException', ({ message }) => {
  console.error(message);
  process.exit(1);
});

const [folder, sideText, threads, which] = process.argv.slice(2);
const side = Number(sideText);
const open = async (file) =>
  InferenceSession.create(await readFile(join(folder, file)), {
    intraOpNumThreads: Number(threads),
    logSeverityLevel: 3,
  });
const ours = await open('ours.onnx');
const theirs = which === 'both' ? await open('theirs.onnx') : null;

/** Waves with noise, in bytes: ours takes [1, h, w, 3] from 0 to 255, theirs [3, h, w] from 0 to 1. */
const pixels = new Float32Array(side * side * 3);
let state = 1;
for (let i = 0; i < pixels.length; i++) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  pixels[i] = Math.floor(127 + 90 * Math.sin(i * 0.003) + 38 * (state / 2147483648 - 1));
}
const planes = Float32Array.from(pixels, (_, i) => pixels[(i % side ** 2) * 3 + Math.floor(i / side ** 2)] / 255);
const run = {
  ours: () => ours.run({ images: new Tensor('float32', pixels, [1, side, side, 3]) }),
  theirs: () => theirs.run({ images: new Tensor('float32', planes, [3, side, side]) }),
};

const listed = ({ boxes, scores, labels }, background = 0) =>
  Array.from(scores.data, (score, i) => ({
    score,
    label: Number(labels.data[i]) - background,
    box: Array.from(boxes.data.slice(4 * i, 4 * i + 4)),
  }));
const near = (a, b) =>
  a.label === b.label &&
  Math.abs(a.score - b.score) < 2e-4 &&
  a.box.every((value, i) => Math.abs(value - b.box[i]) < 0.05);

const found = listed(await run.ours());
if (found.length < 10) throw new Error(`only ${found.length} objects are found: too few to compare post-processing`);
if (theirs) {
  // torchvision counts the background of a second stage.
  const two = /rpn/.test(await readFile(join(folder, 'build.py'), 'utf8'));
  const others = listed(await run.theirs(), two ? 1 : 0);
  const missed = found.filter((one) => !others.some((other) => near(one, other)));
  if (missed.length > 0 || others.length !== found.length)
    throw new Error(
      `the two find different objects: ${found.length} and ${others.length}, ${missed.length} of ours are not among theirs: ${JSON.stringify(missed.slice(0, 2))}`,
    );
}

console.log(JSON.stringify({ detections: found.length, same: theirs !== null }));
let turn = 0;
for await (const _ of createInterface({ input: process.stdin })) {
  // The first of them another one each time.
  const names = theirs === null ? ['ours'] : turn++ % 2 === 0 ? ['ours', 'theirs'] : ['theirs', 'ours'];
  const times = {};
  for (const name of names) {
    const start = performance.now();
    await run[name]();
    times[`${name}_ms`] = performance.now() - start;
  }
  console.log(JSON.stringify({ ms: times.ours_ms, ...times }));
}
