// Runs exported models as a program would that has TensorFlow.js and @kd/detect, and nothing else of @kd. Arguments:
// raw pixels of images, their sizes as JSON, where to write what is found, the folder of each model.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tfjsDetector } from '@kd/detect';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';

const [pixels, sizes, out, ...folders] = process.argv.slice(2);
setWasmPaths(
  new URL('.', import.meta.resolve('@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.wasm')).pathname,
);
await tf.setBackend('wasm');

/** What a model finds on each image. */
async function detect(folder) {
  const { weightsManifest, ...model } = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
  const shards = weightsManifest.flatMap(({ paths }) => paths).map((path) => readFileSync(join(folder, path)));
  const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);
  const artifacts = { ...model, weightSpecs, weightData: new Uint8Array(Buffer.concat(shards)).buffer };
  const load = model.format === 'graph-model' ? loadGraphModel : loadLayersModel;
  const detector = tfjsDetector(await load({ load: async () => artifacts }), tf);
  const found = [];
  let at = 0;
  for (const { width, height } of JSON.parse(sizes)) {
    const data = all.subarray(at, (at += width * height * 3));
    found.push(await detector.detect({ data, width, height }));
  }
  await detector.dispose();
  return found;
}

const all = readFileSync(pixels);
const found = [];
for (const folder of folders) found.push(await detect(folder));
writeFileSync(out, JSON.stringify(found));
