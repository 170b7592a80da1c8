import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ratio, rounded } from './figures.mjs';
import { peerFactory } from './peer.mjs';

export const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 5);
export const THREADS = 2;
export const SHAPE = [2, 320, 320, 3];
export const BOXES = [
  [
    [20, 30, 120, 140],
    [150, 40, 300, 200],
    [60, 200, 90, 240],
    [200, 210, 310, 310],
    [5, 250, 60, 315],
  ],
  [
    [10, 10, 60, 90],
    [100, 100, 220, 260],
    [230, 30, 260, 70],
    [40, 150, 90, 310],
    [180, 270, 300, 318],
  ],
];

/**
 * A detector of ResNet-50 FPN, frozen batch norm, 91 classes, 2 images of 320 x 320: ours and torchvision's, each in a
 * process of its own, in turn.
 */
export async function runDetector({ ours: name, theirs: other = name, mode }, peer) {
  const folder = await mkdtemp(join(tmpdir(), 'kd-bench-'));
  const started = [];
  try {
    const file = join(folder, 'images.f32');
    await writeFile(file, images());
    const start = async (factory, script, detector) => {
      const one = await factory(script, [
        detector,
        mode,
        file,
        JSON.stringify(SHAPE),
        JSON.stringify(BOXES),
        String(THREADS),
      ]);
      started.push(one);
      return one;
    };
    const ours = await start(peerFactory(process.execPath), '../ours/detector.mjs', name);
    const theirs = peer === null ? null : await start(peer, 'detector.py', other);
    const runners = [ours, theirs].filter((one) => one !== null);
    for (const runner of runners) await runner.once();
    const best = runners.map(() => ({ ms: Infinity, cpu_ms: Infinity }));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, runner] of runners.entries()) {
        const one = await runner.once();
        best[i] =
          one.ms < best[i].ms
            ? { ...one, cpu_ms: Math.min(one.cpu_ms, best[i].cpu_ms) }
            : { ...best[i], cpu_ms: Math.min(one.cpu_ms, best[i].cpu_ms) };
      }
    }
    const [{ ms, cpu_ms: cpu, ...more }, them] = best;
    return {
      ours_ms: rounded(ms),
      peer: theirs === null ? null : theirs.about.peer,
      peer_ms: rounded(them?.ms),
      ratio: ratio(ms, them?.ms),
      ours_cpu_ms: rounded(cpu),
      peer_cpu_ms: rounded(them?.cpu_ms),
      cpu_ratio: ratio(cpu, them?.cpu_ms),
      peer_peak_mb: them?.peak_mb ?? null,
      ours: more,
      engine: ours.about.engine,
      threads: THREADS,
      rounds: ROUNDS,
    };
  } finally {
    for (const one of started) one.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Normalised pixels: waves with noise. */
export function images() {
  const values = new Float32Array(SHAPE.reduce((product, side) => product * side, 1));
  let state = 1;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = Math.sin(i * 0.003) + state / 4294967296 - 0.5;
  }
  return Buffer.from(values.buffer);
}
