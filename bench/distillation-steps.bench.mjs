// A distillation step, RetinaNet ResNet-50 teaches ResNet-18, 2 x 320 x 320, with SSIM, CrossKD, PKD: ours beside the
// same written with torchvision (bench/peers/distillation.py) from the same weights. The terms of the first step must
// agree. KD_BENCH_METHODS chooses; KD_BENCH_TORCH_COMPILE=1 adds a column of torch.compile, which takes minutes.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BOXES, images, ROUNDS, SHAPE, THREADS } from './detector-case.mjs';
import { peerFactory } from './peer.mjs';
import { columns, compiledTurn, sameTerms, takeTurns } from './side-by-side.mjs';

export const name = 'distillation-steps';

const WANTED = { ssim: 0.75, crosskd: 0.9, pkd: 0.9 };
const METHODS = (process.env.KD_BENCH_METHODS ?? 'ssim,crosskd,pkd').split(',');

export async function run({ peer }) {
  const rows = [];
  for (const method of METHODS) rows.push(await measure(method, peer));
  return rows;
}

async function measure(method, peer) {
  const folder = await mkdtemp(join(tmpdir(), 'kd-bench-'));
  const started = [];
  try {
    const file = join(folder, 'images.f32');
    await writeFile(file, images());
    const start = async (factory, script, what, ...more) => {
      const shape = JSON.stringify(SHAPE);
      const one = await factory(script, [what, folder, file, shape, JSON.stringify(BOXES), String(THREADS), ...more]);
      started.push(one);
      return one;
    };
    const node = peerFactory(process.execPath);
    // In a process of its own, whose memory is not counted.
    if (peer !== null) await start(node, '../ours/distillation.mjs', 'weights');
    const own = await start(node, '../ours/distillation.mjs', method);
    const theirs = peer === null ? [] : [await start(peer, 'distillation.py', method, 'eager')];
    const [ours, eager] = await takeTurns([own, ...theirs], ROUNDS);
    const compiled = peer && (await compiledTurn(() => start(peer, 'distillation.py', method, 'compiled'), ROUNDS));
    return {
      method,
      ...columns({ ours, peer: eager, compiled, about: theirs[0]?.about.peer }),
      wanted: WANTED[method] ?? null,
      largest_term_difference: eager === undefined ? null : sameTerms(ours.first.terms, eager.first.terms, 2e-3),
      compiled: ours.last.compiled,
      terms: ours.first.terms,
      engine: own.about.engine,
      threads: THREADS,
      rounds: ROUNDS,
      timed: 'batch on the host to updated weights and losses on the host',
    };
  } finally {
    for (const one of started) one.close();
    await rm(folder, { recursive: true, force: true });
  }
}
