import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { peerFactory } from './peer.mjs';
import { columns, compiledTurn, sameTerms, takeTurns } from './side-by-side.mjs';

export const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 5);
export const THREADS = 2;
/** KD_BENCH_SIZE=96 is to see that a bench works, not how fast. */
const SIZE = Number(process.env.KD_BENCH_SIZE ?? 320);
export const SHAPE = [2, SIZE, SIZE, 3];
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
].map((image) => image.map((box) => box.map((side) => (side * SIZE) / 320)));

/**
 * A detector of ResNet-50 FPN, frozen batch norm, 91 classes, 2 images of 320 x 320: ours and torchvision's, each in a
 * process of its own, in turn. KD_BENCH_TORCH_COMPILE=1 adds a column of torch.compile, which takes minutes.
 * @param same the two compute the same, from the same weights: what the first runs give is compared
 */
export async function runDetector({ ours: name, theirs: other = name, mode, same = true }, peer) {
  const folder = await mkdtemp(join(tmpdir(), 'kd-bench-'));
  const started = [];
  try {
    const file = join(folder, 'images.f32');
    const weights = join(folder, 'weights.safetensors');
    await writeFile(file, images());
    const start = async (factory, script, ...which) => {
      const one = await factory(script, [
        ...which,
        file,
        JSON.stringify(SHAPE),
        JSON.stringify(BOXES),
        String(THREADS),
        same ? weights : '',
      ]);
      started.push(one);
      return one;
    };
    const node = peerFactory(process.execPath);
    // In a process of its own, whose memory is not counted.
    if (peer !== null && same) await start(node, '../ours/detector.mjs', name, 'weights');
    const own = await start(node, '../ours/detector.mjs', name, mode);
    const theirs = peer === null ? [] : [await start(peer, 'detector.py', other, mode, 'eager')];
    const [ours, eager] = await takeTurns([own, ...theirs], ROUNDS);
    const compiled = peer && (await compiledTurn(() => start(peer, 'detector.py', other, mode, 'compiled'), ROUNDS));
    const { ms: _, cpu_ms: __, peak_mb: ___, ...more } = ours.last;
    return {
      ...columns({ ours, peer: eager, compiled, about: theirs[0]?.about.peer }),
      largest_term_difference:
        eager === undefined || !same
          ? null
          : sameTerms(ours.first.terms, eager.first.terms, mode === 'step' ? 2e-3 : 1e-2),
      ours: more,
      engine: own.about.engine,
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
