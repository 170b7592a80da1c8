// SSIM distillation, forward and backward over the five levels of a RetinaNet neck (2 images, 256 channels), 2 threads
// each.
// The comparable setting (`normalize: none, padding: valid`, inputs in [0, 1]) against pytorch-msssim; the method's own
// setting (min-max,
// reflect), which the peer does not have, apart. Every runner is a process of its own, so that its peak memory is its
// own: `rise` is
// the peak resident memory less what was resident when inputs and library were loaded and one multiplication had run.
// The 7 x 9 level is below the window on one side: pytorch-msssim leaves such an axis unfiltered, ours shrinks the
// window. It is timed
// on both sides (0.7 % of the elements) and left out where the losses are compared.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ratio, rounded } from './figures.mjs';
import { peerFactory } from './peer.mjs';

export const name = 'ssim-fwd-bwd';

const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 7);
const THREADS = 2;
const IMAGES = 2;
const CHANNELS = 256;
const LEVELS = [
  [100, 136],
  [50, 68],
  [25, 34],
  [13, 17],
  [7, 9],
];
const WINDOW = 11;

export async function run({ peer }) {
  const folder = await mkdtemp(join(tmpdir(), 'kd-bench-'));
  const started = [];
  try {
    const file = join(folder, 'maps.f32');
    await writeFile(file, maps());
    const shapes = JSON.stringify(LEVELS.map(([h, w]) => [IMAGES, h, w, CHANNELS]));
    const start = async (factory, script, ...more) => {
      const one = await factory(script, [file, shapes, String(THREADS), ...more]);
      started.push(one);
      return one;
    };
    const node = peerFactory(process.execPath);
    const comparable = await start(node, '../ours/ssim.mjs', JSON.stringify({ normalize: 'none', padding: 'valid' }));
    const method = await start(node, '../ours/ssim.mjs', '{}');
    const theirs = peer === null ? null : await start(peer, 'ssim.py');

    const runners = [comparable, method, theirs].filter((one) => one !== null);
    for (const runner of runners) await runner.once();
    const best = runners.map(() => ({ ms: Infinity, cpu_ms: Infinity, rise_mb: 0, losses: [] }));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, runner] of runners.entries()) {
        const { ms, cpu_ms, rise_mb, losses } = await runner.once();
        best[i] = { ms: Math.min(best[i].ms, ms), cpu_ms: Math.min(best[i].cpu_ms, cpu_ms), rise_mb, losses };
      }
    }
    const [ours, minmax, peers] = best;
    const difference =
      peers === undefined
        ? null
        : Math.max(
            ...ours.losses.map((loss, i) => (Math.min(...LEVELS[i]) < WINDOW ? 0 : Math.abs(loss - peers.losses[i]))),
          );
    if (difference !== null && !(difference <= 1e-5)) throw new Error(`the losses differ by ${difference}`);
    return {
      ours_ms: rounded(ours.ms),
      peer: theirs === null ? null : theirs.about.peer,
      peer_ms: rounded(peers?.ms),
      ratio: ratio(ours.ms, peers?.ms),
      ours_cpu_ms: rounded(ours.cpu_ms),
      peer_cpu_ms: rounded(peers?.cpu_ms),
      cpu_ratio: ratio(ours.cpu_ms, peers?.cpu_ms),
      ours_rise_mb: rounded(ours.rise_mb),
      peer_rise_mb: rounded(peers?.rise_mb),
      memory_ratio: ratio(ours.rise_mb, peers?.rise_mb),
      largest_loss_difference: difference,
      minmax_reflect_ms: rounded(minmax.ms),
      minmax_reflect_cpu_ms: rounded(minmax.cpu_ms),
      minmax_reflect_rise_mb: rounded(minmax.rise_mb),
      engine: comparable.about.engine,
      threads: THREADS,
      rounds: ROUNDS,
      timed: 'loss and gradient of the student maps, five levels; least of the rounds, runners in turn',
    };
  } finally {
    for (const one of started) one.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Student and teacher maps of all levels in [0, 1], one after the other, channels last: noise on a smooth ground, the
 * teacher's shifted.
 */
function maps() {
  const parts = [];
  let state = 1;
  const noise = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 4294967296;
  for (const phase of [0, 0.4]) {
    for (const [h, w] of LEVELS) {
      const map = new Float32Array(IMAGES * h * w * CHANNELS);
      for (let i = 0, at = 0; i < IMAGES; i++) {
        for (let y = 0; y < h; y++)
          for (let x = 0; x < w; x++)
            for (let c = 0; c < CHANNELS; c++)
              map[at++] = 0.5 + 0.3 * Math.sin(0.2 * y + 0.3 * x + c + phase) + 0.2 * (noise() - 0.5);
      }
      parts.push(Buffer.from(map.buffer));
    }
  }
  return Buffer.concat(parts);
}
