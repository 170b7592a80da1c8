// Where the time of a compiled distillation step goes, RetinaNet ResNet-50 teaches ResNet-18, 2 x 320 x 320: parts, and
// ops of each part, every node at its least of the steps.
//   TF_NUM_INTEROP_THREADS=1 node bench/ours/step-profile.mjs ssim [STEPS]
// or of a plain step of a ResNet-50, of retinanet, fcos or faster-rcnn:
//   TF_NUM_INTEROP_THREADS=1 node bench/ours/step-profile.mjs none 12 fcos
// On one thread, so that no op waits for another.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importByName } from '@kd/core';
import { fasterRcnn } from '@kd/detector-faster-rcnn';
import { fcos } from '@kd/detector-fcos';
import { retinanet } from '@kd/detector-retinanet';
import { createProfiler } from '../../packages/core/dist/profile/profiler.js';
import { BOXES, images, SHAPE } from '../detector-case.mjs';
import { readBatch } from './batch.mjs';
import { stepWith, taught } from './taught.mjs';

const [method, steps = '12', detector = 'retinanet'] = process.argv.slice(2);
const detectors = {
  retinanet: (options) => retinanet({ version: 1, ...options }),
  fcos: (options) => fcos({ norm: 'frozen', trainableLayers: 3, ...options }),
  'faster-rcnn': (options) => fasterRcnn({ version: 1, ...options }),
};
const { engine: _, student, teacher } = await taught(detectors[detector], process.env.KD_BENCH_THREADS ?? 1);
const alone = method === 'none';
const models = alone ? { student: teacher, teacher: null } : { student, teacher };
const definition = alone || (await importByName('distiller', method, fileURLToPath(new URL('../..', import.meta.url))));
const folder = mkdtempSync(join(tmpdir(), 'kd-bench-'));
const file = join(folder, 'images.f32');
writeFileSync(file, images());
const batch = readBatch(file, SHAPE, BOXES);
rmSync(folder, { recursive: true });

const profiler = createProfiler(Number(steps));
// The peer's SSIM has no other border rule.
const options = method === 'ssim' ? { padding: 'valid' } : {};
const step = stepWith(models, alone ? [] : [{ definition, options }], profiler.calls);
let cpu = Infinity;
for (let i = 1; i <= Number(steps); i++) {
  const began = process.cpuUsage();
  await profiler.during(() => step(batch));
  const { user, system } = process.cpuUsage(began);
  cpu = Math.min(cpu, (user + system) / 1000);
  profiler.endOfStep(i);
}

const { spans, steps: all, warmUp } = await profiler.take(true);
const ops = spans.filter(({ lane }) => lane !== undefined);
const [least, seen] = [new Map(), new Map()];
for (const { part, name, start, end } of ops) {
  const at = all.findIndex((one) => start < one.end);
  if (at < warmUp) continue;
  // On one thread, nodes run in one order.
  const place = `${at} ${part} ${name}`;
  const node = seen.get(place) ?? 0;
  seen.set(place, node + 1);
  const key = JSON.stringify([part, name, node]);
  least.set(key, Math.min(least.get(key) ?? Infinity, end - start));
}
const sums = new Map();
for (const [key, ms] of least) {
  const [part, name] = JSON.parse(key);
  for (const row of ['all ops', part, `  ${part}: ${name}`]) sums.set(row, (sums.get(row) ?? 0) + ms);
}
const convolutions = [...sums].filter(
  ([row]) => /^ .*(Conv2D|KdConvolution|KdStrided)/.test(row) && !/Depthwise/.test(row),
);
sums.set(
  'convolutions, depthwise ones left out',
  convolutions.reduce((sum, [, ms]) => sum + ms, 0),
);
console.log(`${method}: processor time of a step with its update, the least of ${steps}: ${cpu.toFixed(0)} ms`);
for (const [row, ms] of [...sums].sort((a, b) => b[1] - a[1]).slice(0, Number(process.env.KD_BENCH_ROWS ?? 40)))
  console.log(`${ms.toFixed(1).padStart(8)} ms  ${row}`);
