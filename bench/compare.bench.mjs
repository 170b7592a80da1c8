// `kd compare` over runs of the demo's student beside the same runs by hand (`kd train STUDY --run NAME`), in turn. The
// study makes its table, with the intervals over images, on top. Its processor time is told beside the time, since other
// programs of the machine move that less.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { least, ratio, rounded } from './figures.mjs';

export const name = 'compare';

const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 2);
const RUNS = Number(process.env.KD_BENCH_RUNS ?? 12);
const EPOCHS = process.env.KD_BENCH_EPOCHS ?? '4';
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const [bin, study] = [path('../packages/cli/dist/bin.js'), path('ours/alone.study.mjs')];

/** Seconds that a shell and all below it took, on the clock and of processors. */
function timed(commands) {
  // As its last command bash would become what it is to time.
  const script = `TIMEFORMAT='%R %U %S'; time { ${commands.join(' && ')}; } > /dev/null 2>&1; exit $?`;
  const { status, stderr } = spawnSync('bash', ['-c', script], {
    encoding: 'utf8',
    env: { ...process.env, KD_BENCH_RUNS: String(RUNS), KD_BENCH_EPOCHS: EPOCHS },
  });
  if (status !== 0) throw new Error(`${commands[0]} … ended with code ${status}`);
  const [seconds, user, system] = stderr.trim().split(' ').map(Number);
  return { seconds, processor: user + system };
}

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'kd-bench-compare-'));
  const seeds = Array.from({ length: RUNS }, (_, seed) => seed);
  try {
    const rounds = Array.from({ length: ROUNDS }, (_, round) => {
      const out = (side) => join(folder, `${side}-${round}`);
      return {
        hand: timed(
          seeds.map(
            (seed) => `node ${bin} train ${study} --run alone-${seed} --out ${out('hand')}/alone-${seed} --no-report`,
          ),
        ),
        study: timed([`node ${bin} compare ${study} --out ${out('study')}`]),
      };
    });
    const best = (side, key) =>
      least(
        rounds.map((round) => round[side]),
        key,
      );
    return {
      runs: RUNS,
      epochs: Number(EPOCHS),
      rounds: ROUNDS,
      seconds: rounded(best('study', 'seconds')),
      byHand: rounded(best('hand', 'seconds')),
      ratio: ratio(best('study', 'seconds'), best('hand', 'seconds')),
      processorSeconds: rounded(best('study', 'processor')),
      processorByHand: rounded(best('hand', 'processor')),
      processorRatio: ratio(best('study', 'processor'), best('hand', 'processor')),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
