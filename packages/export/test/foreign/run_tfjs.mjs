// Runs an exported model as a program would that has TensorFlow.js and @kd/detect, and nothing else of @kd. Arguments:
// folder of the model, raw pixels of images, their sizes as JSON, where to write what is found.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tfjsDetector } from '@kd/detect';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';

const [folder, pixels, sizes, out] = process.argv.slice(2);
setWasmPaths(
  new URL('.', import.meta.resolve('@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.wasm')).pathname,
);
await tf.setBackend('wasm');

const { weightsManifest, ...model } = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
const shards = weightsManifest.flatMap(({ paths }) => paths).map((path) => readFileSync(join(folder, path)));
const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);
const artifacts = { ...model, weightSpecs, weightData: new Uint8Array(Buffer.concat(shards)).buffer };
const load = model.format === 'graph-model' ? loadGraphModel : loadLayersModel;
const detector = tfjsDetector(await load({ load: async () => artifacts }), tf);

const all = readFileSync(pixels);
const found = [];
let at = 0;
for (const { width, height } of JSON.parse(sizes)) {
  const data = all.subarray(at, (at += width * height * 3));
  found.push(await detector.detect({ data, width, height }));
}
writeFileSync(out, JSON.stringify(found));
