// A teacher of ONNX, from prepared images on the host to maps on the device, beside onnxruntime-node alone with the same
// taps as outputs: the convolutions of a ResNet-18, 8 images of 320 x 320, taps of strides 8, 16 and 32. In one process,
// in turn; least of the rounds.
import { least, middle, ratio, rounded } from './figures.mjs';
import { peerFactory } from './peer.mjs';

export const name = 'onnx-teacher';

const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 20);
const THREADS = 2;
const SHAPE = [8, 3, 320, 320];

export async function run() {
  const one = await peerFactory(process.execPath)('../ours/onnx-teacher.mjs', [JSON.stringify(SHAPE), String(THREADS)]);
  try {
    const rounds = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const found = await one.once();
      // The first round warms up.
      if (round > 0) rounds.push(found);
    }
    return {
      ours_ms: rounded(least(rounds, 'teacher_ms')),
      peer: 'onnxruntime-node alone',
      peer_ms: rounded(least(rounds, 'alone_ms')),
      ratio: ratio(least(rounds, 'teacher_ms'), least(rounds, 'alone_ms')),
      median_ratio: ratio(middle(rounds, 'teacher_ms'), middle(rounds, 'alone_ms')),
      images: SHAPE,
      engine: one.about.engine,
      threads: THREADS,
      rounds: ROUNDS,
      timed: 'images on the host to maps on the device; alone: to maps on the host',
    };
  } finally {
    one.close();
  }
}
