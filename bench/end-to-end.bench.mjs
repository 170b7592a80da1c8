// Whole commands from their start to their end, figures of the epochs included: the demo (its teacher, a student alone
// and one taught by SSIM, two epochs and one) and BCCD's student with its teacher and SSIM, and that teacher, one epoch
// each (KD_DATA is BCCD). KD_BENCH_BEFORE is another checkout, installed and built, which does the same in turn: before
// and after in one row. KD_BENCH_WHOLE=1 takes all epochs, many minutes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ratio, rounded } from './figures.mjs';

export const name = 'end-to-end';

const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 1);
const WHOLE = process.env.KD_BENCH_WHOLE === '1';
const here = fileURLToPath(new URL('..', import.meta.url));
const before = process.env.KD_BENCH_BEFORE;

/** One epoch of a config of BCCD, or all of them. */
function trainedFor(name) {
  const config = (checkout) => join(checkout, `examples/bccd/${name}.config.ts`);
  return {
    args: async (checkout, out) => ['train', config(checkout), '--out', out, ...(WHOLE ? [] : ['--epochs', '1'])],
    tidy: async () => {},
  };
}

const COMMANDS = {
  demo: {
    async args(checkout, out) {
      const study = join(checkout, 'examples/demo/quick.study.mjs');
      if (WHOLE) return ['compare', study, '--out', out];
      // Beside the real one, so that its packages are found from there.
      const short = join(checkout, 'examples/demo', `bench-${process.pid}.study.mjs`);
      await writeFile(
        short,
        `import study from './quick.study.mjs';
const { large } = study.teachers;
export default { ...study, student: { ...study.student, epochs: 1 }, teachers: { large: { ...large, epochs: 2 } } };
`,
      );
      return ['compare', short, '--out', out];
    },
    tidy: (checkout) => rm(join(checkout, 'examples/demo', `bench-${process.pid}.study.mjs`), { force: true }),
  },
  bccd: trainedFor('student-ssim'),
  'bccd-teacher': trainedFor('teacher'),
};

export async function run() {
  const rows = [];
  for (const [command, steps] of Object.entries(COMMANDS)) {
    if (command.startsWith('bccd') && process.env.KD_DATA === undefined) {
      rows.push({ command, skipped: 'KD_DATA is not set: the folder of BCCD' });
      continue;
    }
    rows.push(await measure(command, steps));
  }
  return rows;
}

async function measure(command, steps) {
  const checkouts = before === undefined ? [here] : [here, before];
  const best = checkouts.map(() => ({ ms: Infinity, cpu_ms: Infinity }));
  for (let round = 0; round < ROUNDS; round++)
    for (const [i, checkout] of checkouts.entries()) {
      const one = await timed(checkout, steps);
      best[i] = { ...one, ms: Math.min(one.ms, best[i].ms), cpu_ms: Math.min(one.cpu_ms, best[i].cpu_ms) };
    }
  const [ours, old] = best;
  return {
    command,
    ours_ms: rounded(ours.ms),
    peer: old === undefined ? null : 'another checkout',
    peer_ms: rounded(old?.ms),
    ratio: ratio(ours.ms, old?.ms),
    times_as_fast: old === undefined ? null : ratio(old.ms, ours.ms),
    wanted_times_as_fast: 1.4,
    ours_cpu_ms: rounded(ours.cpu_ms),
    peer_cpu_ms: rounded(old?.cpu_ms),
    metrics: { ours: ours.metrics, peer: old?.metrics ?? null },
    epochs: WHOLE ? 'all' : 'demo: teacher 2, students 1; BCCD: 1',
    rounds: ROUNDS,
    timed: 'the command from its start to its end',
  };
}

/** Wall and processor time of one command, and the AP that it came to. */
async function timed(checkout, { args, tidy }) {
  const out = await mkdtemp(join(tmpdir(), 'kd-bench-'));
  try {
    const kd = [
      process.execPath,
      join(checkout, 'packages/cli/dist/bin.js'),
      ...(await args(checkout, join(out, 'run'))),
    ];
    // The shell knows what its children took.
    const child = spawn(
      'bash',
      ['-c', 'TIMEFORMAT="%R %U %S"; time "$@" >/dev/null 2>"$KD_BENCH_LOG"', 'time', ...kd],
      {
        cwd: checkout,
        env: { ...process.env, KD_BENCH_LOG: join(out, 'log') },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let told = '';
    child.stderr.on('data', (chunk) => (told += chunk));
    const [code] = await once(child, 'close');
    if (code !== 0)
      throw new Error(`${kd.slice(1).join(' ')}: ${(await readFile(join(out, 'log'), 'utf8')).slice(-500)}`);
    const [wall, user, system] = told.trim().split(' ').map(Number);
    return { ms: wall * 1000, cpu_ms: (user + system) * 1000, metrics: await metricsOf(join(out, 'run')) };
  } finally {
    await tidy(checkout);
    await rm(out, { recursive: true, force: true });
  }
}

const metricsOf = async (folder) => {
  const of = async (path) => JSON.parse(await readFile(join(folder, path), 'utf8')).metrics?.AP ?? null;
  return (await of('summary.json').catch(() => null)) ?? (await of('ssim-0/summary.json').catch(() => null));
};
