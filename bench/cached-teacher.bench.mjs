// Steps with a cached teacher beside the same steps with a teacher that costs nothing: a RetinaNet of ResNet-10, 8
// images of 320 x 320, PKD on maps of strides 8, 16 and 32 of 256 channels. In one process, epoch by epoch in turn.
import { least, middle, ratio, rounded } from './figures.mjs';
import { peerFactory } from './peer.mjs';

export const name = 'cached-teacher';

const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 5);

export async function run() {
  const one = await peerFactory(process.execPath)('../ours/cached-teacher.mjs', []);
  try {
    const rounds = [];
    for (let round = 0; round < ROUNDS; round++) rounds.push(await one.once());
    return {
      ours_ms: rounded(least(rounds, 'cached_ms')),
      peer: 'a teacher whose maps are there',
      peer_ms: rounded(least(rounds, 'free_ms')),
      ratio: ratio(least(rounds, 'cached_ms'), least(rounds, 'free_ms')),
      median_ratio: ratio(middle(rounds, 'cached_ms'), middle(rounds, 'free_ms')),
      engine: one.about.engine,
      rounds: ROUNDS,
      timed: 'a step of training, data and update included, from the second epoch on',
    };
  } finally {
    one.close();
  }
}
