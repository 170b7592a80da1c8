import { folderOnce } from '@kd/core/wheels';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { peerFactory } from './peer.mjs';
import { alone, columns, compiledTurn, onCard, sameTerms, takeTurns } from './side-by-side.mjs';

export const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 5);
export const THREADS = Number(process.env.KD_BENCH_THREADS ?? 2);
/** KD_BENCH_SIZE=96 is to see that a bench works, not how fast. */
const SIZE = Number(process.env.KD_BENCH_SIZE ?? 320);
/** KD_BENCH_TOLERANCE=0.1, where the sides compute in less than float32. */
const TOLERANCE = process.env.KD_BENCH_TOLERANCE && Number(process.env.KD_BENCH_TOLERANCE);
/** KD_BENCH_WEIGHTS=DIR keeps the weights of both sides there, for later benches. */
const WEIGHTS = process.env.KD_BENCH_WEIGHTS;
const BATCH = Number(process.env.KD_BENCH_BATCH ?? 2);
export const SHAPE = [BATCH, SIZE, SIZE, 3];
const TWO = [
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
export const BOXES = Array.from({ length: BATCH }, (_, i) => TWO[i % 2]);

/**
 * A script of ours and one of a peer on the same images and boxes, each in a process of its own, in turn.
 * KD_BENCH_TORCH_COMPILE=1 adds a column of torch.compile, which takes minutes.
 * @param script `ours/SCRIPT.mjs` and `peers/SCRIPT.py`; `ours` and `theirs` are the first arguments of each
 * @param weights where the two compute the same: arguments with which ours writes the weights that the peer reads
 * @param tolerance by how much the terms of their first runs may differ then
 * @returns what ours gave, and the figures
 */
export async function besidePeer({ script, ours: args, theirs: others, weights, tolerance }, peer) {
  const folder = await mkdtemp(join(tmpdir(), 'kd-bench-'));
  const started = [];
  try {
    const file = join(folder, 'images.f32');
    await writeFile(file, images());
    const kept = join(WEIGHTS ?? folder, [script, ...(weights ?? [])].join('-'));
    const start = async (factory, path, which, at = kept) => {
      const data = [file, JSON.stringify(SHAPE), JSON.stringify(BOXES), String(THREADS), weights ? at : ''];
      const one = await factory(path, [...which, ...data]);
      started.push(one);
      return one;
    };
    const startOurs = (...which) => start(peerFactory(process.execPath), `../ours/${script}.mjs`, ...which);
    // In a process of its own, whose memory is not counted.
    if (peer !== null && weights) await folderOnce(kept, (temporary) => startOurs(weights, temporary));
    const own = await startOurs(args);
    const startTheirs = (how) => start(peer, `${script}.py`, [...others, how]);
    const theirs = peer === null ? [] : [await startTheirs('eager')];
    const [ours, eager] = await alone(() => takeTurns([own, ...theirs], ROUNDS));
    const card = [own, ...theirs].map(({ pid }) => onCard(pid));
    const compiled = peer === null ? undefined : await compiledTurn(() => startTheirs('compiled'), ROUNDS);
    const figures = {
      ...columns({ ours, peer: eager, compiled, about: theirs[0]?.about.peer }),
      largest_term_difference:
        eager === undefined || !weights ? null : sameTerms(ours.first.terms, eager.first.terms, TOLERANCE ?? tolerance),
      ...(card[0] !== null && { ours_card_mb: card[0], peer_card_mb: card[1] ?? null }),
      engine: own.about.engine,
      threads: THREADS,
      rounds: ROUNDS,
    };
    return { ours, figures };
  } finally {
    for (const one of started) one.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * A detector of ResNet-50 FPN, frozen batch norm, 91 classes, 2 images of 320 x 320: ours and torchvision's.
 * @param same the two compute the same, from the same weights: what the first runs give is compared
 */
export async function runDetector({ ours: name, theirs: other = name, mode, same = true }, peer) {
  const { ours, figures } = await besidePeer(
    {
      script: 'detector',
      ours: [name, mode],
      theirs: [other, mode],
      weights: same ? [name, 'weights'] : undefined,
      tolerance: mode === 'step' ? 2e-3 : 1e-2,
    },
    peer,
  );
  const { ms: _, cpu_ms: __, peak_mb: ___, ...more } = ours.last;
  return { ...figures, ours: more };
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
