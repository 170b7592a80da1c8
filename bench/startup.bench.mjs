// `kd --help` from the start of the process to its end, beside a Python process that imports torchvision. Then what 200
// steps of SSIM
// distillation leave behind: the number of live tensors after each, and the peak resident memory of the process (small
// networks, 96 x 96;
// `retinanet-r50-step` tells that of a ResNet-50 step).
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inTurn, peerFactory } from './peer.mjs';

export const name = 'startup';

const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 5);
const bin = fileURLToPath(new URL('../packages/cli/dist/bin.js', import.meta.url));

function help() {
  const { status, stdout } = spawnSync(process.execPath, [bin, '--help'], { encoding: 'utf8' });
  if (status !== 0 || !stdout.includes('train')) throw new Error(`kd --help ended with code ${status}`);
}

export async function run({ peer }) {
  const theirs = peer === null ? null : await peer('startup.py');
  const { times } = await inTurn(help, theirs, { rounds: ROUNDS }).finally(() => theirs?.close());
  const steps = await peerFactory(process.execPath)('../ours/steps.mjs');
  const memory = await steps.once().finally(() => steps.close());
  return { ...times, ...memory, engine: steps.about.engine, timed: 'kd --help; memory of 200 distillation steps' };
}
