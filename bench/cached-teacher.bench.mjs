// Steps with a cached teacher beside the same steps with a teacher that costs nothing: the small RetinaNet of
// examples/bccd, and one of ResNet-10 with a neck of 128 channels; 8 images of 320 x 320, FitNets on maps of strides 8,
// 16 and 32 of 256 channels. Two trainings in one process that take turns step by step.
import { least, ratio, rounded } from './figures.mjs';
import { peerFactory } from './peer.mjs';

export const name = 'cached-teacher';

/** Epochs of four steps behind the first, which fills the cache. The first batch of an epoch is not read ahead. */
const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 10);
const STUDENTS = (process.env.KD_BENCH_STUDENTS ?? 'bccd,resnet10').split(',');

export async function run() {
  const results = [];
  for (const student of STUDENTS) results.push(await runWith(student));
  return results;
}

async function runWith(student) {
  const one = await peerFactory(process.execPath)('../ours/cached-teacher.mjs', [String(ROUNDS), student]);
  try {
    const { steps } = await one.once();
    const ratios = steps.map(({ cached_ms, free_ms }) => cached_ms / free_ms).toSorted((a, b) => a - b);
    const sum = (key) => steps.reduce((total, step) => total + step[key], 0);
    return {
      student,
      ours_ms: rounded(least(steps, 'cached_ms')),
      peer: 'a teacher whose maps are there',
      peer_ms: rounded(least(steps, 'free_ms')),
      ratio: ratio(least(steps, 'cached_ms'), least(steps, 'free_ms')),
      median_ratio: ratio(ratios[Math.floor(ratios.length / 2)], 1),
      processor_ratio: ratio(sum('cached_cpu'), sum('free_cpu')),
      engine: one.about.engine,
      steps: steps.length,
      timed: 'a step of training, data and update included, from the second epoch on; processor time of all steps',
    };
  } finally {
    one.close();
  }
}
