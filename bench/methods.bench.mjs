// What every method adds to a training step, 2 x 320 x 320, ResNet-50 teaches ResNet-18: under RetinaNet, or under GFL
// for what needs distributions of boxes. The peer is the same step with a plain forward of the teacher and no
// distillation term; all methods take turns in one process. One object a method.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BOXES, images, ROUNDS, SHAPE, THREADS } from './detector-case.mjs';
import { ratio, rounded } from './figures.mjs';
import { peerFactory } from './peer.mjs';

export const name = 'methods';

const METHODS = {
  retinanet: [
    'cwd',
    'pfi',
    'frs',
    'fgd',
    'mgd',
    'gid',
    'fbkd',
    'icd',
    'fitnets',
    'fgfi',
    'defeat',
    'pkd',
    'ssim',
    'kd',
    'crosskd',
  ],
  gfl: ['ld'],
};
const WANTED = { cwd: 1.15, ld: 1.15, frs: 1.15, pfi: 1.15, fgd: 1.35, mgd: 1.35, gid: 1.3 };

export async function run() {
  const folder = await mkdtemp(join(tmpdir(), 'kd-bench-'));
  try {
    const file = join(folder, 'images.f32');
    await writeFile(file, images());
    const rows = [];
    for (const [detector, methods] of Object.entries(METHODS)) rows.push(...(await measure(detector, methods, file)));
    return rows;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** `KD_BENCH_METHODS=fgd,mgd` measures these alone. */
async function measure(detector, all, file) {
  const chosen = process.env.KD_BENCH_METHODS?.split(',');
  const methods = all.filter((method) => chosen?.includes(method) ?? true);
  if (methods.length === 0) return [];
  const runner = await peerFactory(process.execPath)('../ours/methods.mjs', [
    detector,
    methods.join(),
    file,
    JSON.stringify(SHAPE),
    JSON.stringify(BOXES),
    String(THREADS),
  ]);
  try {
    await runner.once();
    const best = {};
    for (let round = 0; round < ROUNDS; round++)
      for (const [method, { ms, cpu_ms: cpu }] of Object.entries(await runner.once()))
        best[method] = {
          ms: Math.min(ms, best[method]?.ms ?? Infinity),
          cpu: Math.min(cpu, best[method]?.cpu ?? Infinity),
        };
    return methods.map((method) => ({
      method,
      detector,
      ours_ms: rounded(best[method].ms),
      peer: 'the same step without distillation terms',
      peer_ms: rounded(best.plain.ms),
      ratio: ratio(best[method].ms, best.plain.ms),
      ours_cpu_ms: rounded(best[method].cpu),
      peer_cpu_ms: rounded(best.plain.cpu),
      cpu_ratio: ratio(best[method].cpu, best.plain.cpu),
      wanted: WANTED[method] ?? null,
      engine: runner.about.engine,
      threads: THREADS,
      rounds: ROUNDS,
    }));
  } finally {
    runner.close();
  }
}
