// A distillation step, RetinaNet ResNet-50 teaches ResNet-18, 2 x 320 x 320, with SSIM, CrossKD, PKD: ours beside the
// same written with torchvision (bench/peers/distillation.py) from the same weights. The terms of the first step must
// agree. KD_BENCH_METHODS chooses; KD_BENCH_PRECISION=teacher has our teacher in bfloat16, mixed our whole step;
// KD_BENCH_TORCH_COMPILE=1 adds a column of torch.compile, which takes minutes.
import { besidePeer } from './detector-case.mjs';

export const name = 'distillation-steps';

const WANTED = { ssim: 0.75, crosskd: 0.9, pkd: 0.9 };
/** Maps in bfloat16 have eight bits. */
const TOLERANCE = process.env.KD_BENCH_PRECISION === undefined ? 2e-3 : 5e-2;
const METHODS = (process.env.KD_BENCH_METHODS ?? 'ssim,crosskd,pkd').split(',');

export async function run({ peer }) {
  const rows = [];
  for (const method of METHODS) rows.push(await measure(method, peer));
  return rows;
}

async function measure(method, peer) {
  const { ours, figures } = await besidePeer(
    { script: 'distillation', ours: [method], theirs: [method], weights: ['weights'], tolerance: TOLERANCE },
    peer,
  );
  return {
    method,
    ...figures,
    wanted: WANTED[method] ?? null,
    compiled: ours.last.compiled,
    terms: ours.first.terms,
    timed: 'batch on the host to updated weights and losses on the host',
  };
}
