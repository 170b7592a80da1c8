// What the first step of a RetinaNet ResNet-50 costs above a later one (memory, caches, tracing, compiling), and the
// first step of a second size of images above a later one of it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BOXES, images, SHAPE, THREADS } from './detector-case.mjs';
import { rounded } from './figures.mjs';
import { peerFactory } from './peer.mjs';

export const name = 'compile-time';

/** A second bucket: four fifths of the rows, in whole 32s. */
const SECOND = [SHAPE[0], Math.floor((SHAPE[1] * 4) / 5 / 32) * 32, SHAPE[2], 3];
const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 3);

export async function run() {
  const folder = await mkdtemp(join(tmpdir(), 'kd-bench-'));
  const file = join(folder, 'images.f32');
  await writeFile(file, images());
  const detector = process.env.KD_BENCH_DETECTOR ?? 'retinanet';
  const one = await peerFactory(process.execPath)('../ours/detector.mjs', [
    detector,
    'step',
    file,
    JSON.stringify(SHAPE),
    JSON.stringify(BOXES),
    String(THREADS),
    '',
    JSON.stringify(SECOND),
  ]);
  try {
    const stretch = async (which) => {
      const first = await one.once(which);
      let [least, leastCpu] = [Infinity, Infinity];
      for (let round = 0; round < ROUNDS; round++) {
        const { ms, cpu_ms: cpu } = await one.once(which);
        [least, leastCpu] = [Math.min(least, ms), Math.min(leastCpu, cpu)];
      }
      return { first: first.ms, later: least, extra: first.ms - least, cpu: first.cpu_ms - leastCpu };
    };
    const first = await stretch('first');
    const second = await stretch('second');
    return {
      detector,
      ours_ms: rounded(first.extra),
      ours_cpu_ms: rounded(first.cpu),
      wanted_ms: 10_000,
      first_step_ms: rounded(first.first),
      later_step_ms: rounded(first.later),
      second_bucket_ms: rounded(second.extra),
      second_bucket_cpu_ms: rounded(second.cpu),
      wanted_second_ms: rounded(first.extra),
      second_bucket_first_ms: rounded(second.first),
      second_bucket_later_ms: rounded(second.later),
      engine: one.about.engine,
      threads: THREADS,
      rounds: ROUNDS,
      timed: 'first step less the least later one, of each size of images',
    };
  } finally {
    one.close();
    await rm(folder, { recursive: true, force: true });
  }
}
