// What distillation adds to a step: RetinaNet ResNet-50 teaches ResNet-18, 2 x 320 x 320. The peer is the same step
// that runs backbone and neck of the teacher and learns nothing of them; beside it the student's own, which, compiled,
// leaves the teacher out. CrossKD and CrossKD with PKD are timed beside both, in turn. Then the live tensors after each
// of 200 steps with both, on the demo's small networks.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BOXES, images, ROUNDS, SHAPE, THREADS } from './detector-case.mjs';
import { ratio, rounded } from './figures.mjs';
import { peerFactory } from './peer.mjs';
import { takeTurns } from './side-by-side.mjs';

export const name = 'crosskd-step';

export async function run() {
  const folder = await mkdtemp(join(tmpdir(), 'kd-bench-'));
  const started = [];
  try {
    const file = join(folder, 'images.f32');
    await writeFile(file, images());
    for (const method of ['none', 'listening', 'crosskd', 'both']) {
      started.push(
        await peerFactory(process.execPath)('../ours/distillation.mjs', [
          method,
          file,
          JSON.stringify(SHAPE),
          JSON.stringify(BOXES),
          String(THREADS),
        ]),
      );
    }
    const [alone, plain, crosskd, both] = await takeTurns(started, ROUNDS);
    const steps = await peerFactory(process.execPath)('../ours/steps.mjs', [
      JSON.stringify(['crosskd', ['pkd', { weight: 2 }]]),
    ]);
    started.push(steps);
    const { steps: count, tensors_first, tensors_last, tensors_constant } = await steps.once();
    return {
      ours_ms: rounded(crosskd.ms),
      peer: 'the same step without distillation terms, backbone and neck of the teacher run',
      peer_ms: rounded(plain.ms),
      ratio: ratio(crosskd.ms, plain.ms),
      alone_ms: rounded(alone.ms),
      alone_ratio: ratio(crosskd.ms, alone.ms),
      with_pkd_ms: rounded(both.ms),
      with_pkd_ratio: ratio(both.ms, plain.ms),
      peak_mb: crosskd.peak_mb,
      peer_peak_mb: plain.peak_mb,
      steps: count,
      tensors_first,
      tensors_last,
      tensors_constant,
      engine: started[0].about.engine,
      threads: THREADS,
      rounds: ROUNDS,
      timed: 'batch on the host to updated weights and losses on the host',
    };
  } finally {
    for (const one of started) one.close();
    await rm(folder, { recursive: true, force: true });
  }
}
