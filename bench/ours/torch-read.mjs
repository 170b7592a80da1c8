// Reads a checkpoint of torch, maps its names and layouts, and keeps every tensor: one timed run for each line.
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { safetensorsFormat } from '@kd/weights';
import { resident } from './resident.mjs';

const [file] = process.argv.slice(2);
let peak = 0;

async function read() {
  const { tensors } = await safetensorsFormat.read(file);
  const kept = [];
  for (const { data } of safetensorsFormat.importForeign(tensors, { where: file }).tensors.values()) {
    kept.push(data);
    peak = Math.max(peak, resident('VmRSS'));
  }
  return kept.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

// Loaded and compiled; what is measured is the file alone.
const bytes = await read();
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
// What was collected is given back a moment later.
for (let round = 0; round < 3; round++) {
  collect();
  await setTimeout(300);
}
const before = resident('VmRSS');
peak = 0;
await read();
const memory = Math.round(((peak - before) * 1024 ** 2 * 100) / bytes) / 100;
console.log(JSON.stringify({ bytes, memory }));

for await (const _ of createInterface({ input: process.stdin })) {
  const start = performance.now();
  await read();
  console.log(JSON.stringify({ ms: performance.now() - start }));
}
