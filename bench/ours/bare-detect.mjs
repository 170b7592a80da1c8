// Forward pass and post-processing alone, one image at a time, over images that are prepared already: for each line of
// input the time of as many of them as are wanted. Arguments: run folder, folder of images, how many.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { compilerOf, createInference, loadModel } from '@kd/core';
import { DEFAULT_MAX_PIXELS, inputTransform, readImage } from '@kd/data';
import { tensorflow } from '@kd/engine-tensorflow';
import { safetensorsFormat } from '@kd/weights';

const [run, folder, wanted] = process.argv.slice(2);
const engine = tensorflow();
const info = await engine.start();
const { detector } = await loadModel(run, {
  format: safetensorsFormat,
  folder: process.cwd(),
  context: { runOp: engine.runOp?.bind(engine) },
});
// As many as fit the memory; each is a matter of the same work.
const files = (await readdir(folder)).slice(0, 50);
const batches = [];
for (const file of files) {
  const image = await readImage(join(folder, file), { declared: null, maxPixels: DEFAULT_MAX_PIXELS });
  batches.push(inputTransform([{ image, id: file }], detector.input));
}

const inference = createInference(detector, { compile: compilerOf(engine) });
for (let i = 0; i < 3; i++) await inference.detect(batches[0]);
console.log(JSON.stringify({ engine: `TensorFlow ${info.version}, ${info.device}` }));
for await (const _ of createInterface({ input: process.stdin })) {
  const start = performance.now();
  for (let i = 0; i < Number(wanted); i++) await inference.detect(batches[i % batches.length]);
  console.log(JSON.stringify({ ms: performance.now() - start }));
}
