// Depthwise convolutions of MobileNetV2 and V3 on the maps of a 320 x 320 input, 8 images, forward and both gradients,
// against torch on the same shapes, 2 threads each. Least of the rounds, runners in turn.
import { ratio, rounded } from './figures.mjs';
import { peerFactory } from './peer.mjs';

export const name = 'depthwise';

const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 7);
const THREADS = 2;
const IMAGES = 8;
/** Side of the map, channels, stride, kernel. */
const CASES = [
  [160, 32, 1, 3],
  [160, 96, 2, 3],
  [80, 144, 1, 3],
  [80, 144, 2, 3],
  [40, 192, 1, 3],
  [20, 384, 1, 3],
  [20, 576, 2, 3],
  [10, 960, 1, 3],
  [20, 240, 1, 5],
];

export async function run({ peer }) {
  const args = [JSON.stringify(CASES), String(IMAGES), String(THREADS)];
  const ours = await peerFactory(process.execPath)('../ours/depthwise.mjs', args);
  const theirs = peer === null ? null : await peer('depthwise.py', args);
  try {
    const least = [ours, theirs].filter((one) => one !== null).map(() => null);
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [i, runner] of [ours, theirs].filter((one) => one !== null).entries()) {
        const { cases } = await runner.once();
        // The first round warms up.
        if (round > 0)
          least[i] = cases.map((times, c) => times.map((ms, k) => Math.min(ms, least[i]?.[c][k] ?? Infinity)));
      }
    }
    const total = (of) => of?.flat().reduce((sum, ms) => sum + ms, 0);
    return {
      ours_ms: rounded(total(least[0])),
      peer: theirs === null ? null : theirs.about.peer,
      peer_ms: rounded(total(least[1])),
      ratio: ratio(total(least[0]), total(least[1])),
      cases: CASES.map(([side, channels, stride, kernel], c) => ({
        map: `${side}x${side}x${channels}`,
        kernel,
        stride,
        ours_ms: least[0][c].map(rounded),
        peer_ms: least[1]?.[c].map(rounded) ?? null,
      })),
      engine: ours.about.engine,
      threads: THREADS,
      rounds: ROUNDS,
      timed: `forward alone, with the gradient of the input, with that of the kernel, ${IMAGES} images; sums over all of them first`,
    };
  } finally {
    ours.close();
    theirs?.close();
  }
}
