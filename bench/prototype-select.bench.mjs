// Selection of 10 prototypes among 20,000 instances of 256 + 256 channels, 2 threads each: ours against the same
// second-moment formulation
// in numpy (float32 products, float64 totals). Timed: normalising, moments, forms, picks; features are in memory. Then
// the same with the
// density filter from 4,096 reference rows, and (KD_BENCH_FULL=1, minutes) from all pairs. Every runner is a process of
// its own; `rise` is the peak
// resident memory less what was resident when features and library were loaded.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ratio, rounded } from './figures.mjs';
import { pairedFeatures } from './ours/select-data.mjs';
import { peerFactory } from './peer.mjs';

export const name = 'prototype-select';

const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 5);
const THREADS = 2;
const ROWS = 20_000;
const EXPECTED = {
  rows: [12270, 19182, 13173, 18241, 5838, 8819, 14647, 17715, 15817, 15378],
  objective: [
    34017.152037, 29989.604685, 26986.172943, 24031.091187, 21341.857289, 19121.216447, 17222.004567, 15316.241545,
    13827.622977, 12637.246141,
  ],
};

export async function run({ peer }) {
  const folder = await mkdtemp(join(tmpdir(), 'kd-bench-'));
  try {
    const file = join(folder, 'features.f32');
    const { teacher, student } = pairedFeatures(ROWS);
    await writeFile(file, Buffer.concat([Buffer.from(teacher.buffer), Buffer.from(student.buffer)]));
    const base = { rows: ROWS, teacherChannels: 256, studentChannels: 256, count: 10, similarity: 10 };
    const all = await compare(peer, file, { ...base, candidates: 'all', references: null }, ROUNDS);
    check(all.ours);
    const some = await compare(peer, file, { ...base, candidates: 'density', references: 4096 }, Math.min(ROUNDS, 2));
    const results = [figures('no filter', all), { ...figures('density, 4,096 references', some), ...likeness(some) }];
    if (process.env.KD_BENCH_FULL) {
      const full = await compare(peer, file, { ...base, candidates: 'density', references: null }, 1);
      results.push({
        ...figures('density, all pairs', full),
        ...likeness(full),
        overlap_of_candidates_with_references: overlap(full.ours.candidates, some.ours.candidates),
        same_rows_as_with_references: same(full.ours.rows, some.ours.rows),
      });
    }
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function compare(peer, file, settings, rounds) {
  const started = [];
  try {
    for (const [factory, script] of [
      [peerFactory(process.execPath), '../ours/select.mjs'],
      [peer, 'prototype_select.py'],
    ]) {
      if (factory !== null) started.push(await factory(script, [file, JSON.stringify(settings), String(THREADS)]));
    }
    // All pairs take a minute: there is nothing to warm up.
    if (rounds > 1) for (const one of started) await one.once();
    const best = started.map(() => ({ ms: Infinity, cpu_ms: Infinity }));
    for (let round = 0; round < rounds; round++) {
      for (const [i, one] of started.entries()) {
        const last = await one.once();
        best[i] = { ...last, ms: Math.min(best[i].ms, last.ms), cpu_ms: Math.min(best[i].cpu_ms, last.cpu_ms) };
      }
    }
    return { ours: best[0], theirs: best[1], about: started.map((one) => one.about), rounds };
  } finally {
    for (const one of started) one.close();
  }
}

function check({ rows, objective }) {
  if (!same(rows, EXPECTED.rows)) throw new Error(`the chosen rows are ${rows}`);
  const difference = Math.max(...objective.map((value, k) => Math.abs(value - EXPECTED.objective[k]))) / (2 * ROWS);
  if (!(difference <= 1e-8)) throw new Error(`the objectives differ by ${difference} of the initial energy`);
}

const figures = (what, { ours, theirs, about, rounds }) => ({
  what,
  ours_ms: rounded(ours.ms),
  peer: about[1]?.peer ?? null,
  peer_ms: rounded(theirs?.ms),
  ratio: ratio(ours.ms, theirs?.ms),
  ours_cpu_ms: rounded(ours.cpu_ms),
  peer_cpu_ms: rounded(theirs?.cpu_ms),
  cpu_ratio: ratio(ours.cpu_ms, theirs?.cpu_ms),
  ours_peak_mb: rounded(ours.peak_mb),
  peer_peak_mb: rounded(theirs?.peak_mb),
  ours_rise_mb: rounded(ours.rise_mb),
  peer_rise_mb: rounded(theirs?.rise_mb),
  rows: ours.rows,
  engine: about[0].engine,
  threads: THREADS,
  rounds,
});

/** Reference rows are drawn by each side's own generator, so their candidates agree in most and not in all. */
const likeness = ({ ours, theirs }) =>
  theirs === undefined
    ? {}
    : {
        candidates: ours.candidates.length,
        overlap_of_candidates: overlap(ours.candidates, theirs.candidates),
        same_rows: same(ours.rows, theirs.rows),
      };

function overlap(a, b) {
  const inB = new Set(b);
  const both = a.filter((row) => inB.has(row)).length;
  return ratio(both, a.length + b.length - both);
}

const same = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);
