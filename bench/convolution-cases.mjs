import { ratio, rounded } from './figures.mjs';
import { peerFactory } from './peer.mjs';

const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 7);
const THREADS = Number(process.env.KD_BENCH_THREADS ?? 2);

/**
 * Convolutions forward and with each gradient, beside torch on the same shapes. Least of the rounds, runners in turn.
 * @param cases side of the map, channels, stride, kernel, channels out (left out: depthwise)
 */
export async function convolutionCases(cases, images, peer) {
  const args = [JSON.stringify(cases), String(images), String(THREADS)];
  const ours = await peerFactory(process.execPath)('../ours/convolution.mjs', args);
  const theirs = peer === null ? null : await peer('convolution.py', args);
  try {
    const least = [ours, theirs].filter((one) => one !== null).map(() => null);
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [i, runner] of [ours, theirs].filter((one) => one !== null).entries()) {
        const { cases: times } = await runner.once();
        // The first round warms up.
        if (round > 0) least[i] = times.map((of, c) => of.map((ms, k) => Math.min(ms, least[i]?.[c][k] ?? Infinity)));
      }
    }
    const total = (of) => of?.flat().reduce((sum, ms) => sum + ms, 0);
    return {
      ours_ms: rounded(total(least[0])),
      peer: theirs === null ? null : theirs.about.peer,
      peer_ms: rounded(total(least[1])),
      ratio: ratio(total(least[0]), total(least[1])),
      cases: cases.map(([side, channels, stride, kernel, out], c) => ({
        map: `${side}x${side}x${channels}`,
        ...(out && { out }),
        kernel,
        stride,
        ours_ms: least[0][c].map(rounded),
        peer_ms: least[1]?.[c].map(rounded) ?? null,
        ratios: least[0][c].map((ms, k) => ratio(ms, least[1]?.[c][k])),
      })),
      engine: ours.about.engine,
      threads: THREADS,
      rounds: ROUNDS,
      timed: `forward alone, with the gradient of the input, with that of the kernel, ${images} images; sums over all of them first`,
    };
  } finally {
    ours.close();
    theirs?.close();
  }
}
