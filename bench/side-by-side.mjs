import { lockRunFolder, silentLogger } from '@kd/core';
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { ratio, rounded } from './figures.mjs';

/**
 * Runs `fn` while no other bench runs its own: where KD_BENCH_LOCK names a folder, benches may start their processes side
 * by side, and take turns. One that was ended gives way.
 */
export async function alone(fn) {
  const folder = process.env.KD_BENCH_LOCK;
  if (!folder) return await fn();
  const release = await whenFree(folder);
  try {
    return await fn();
  } finally {
    release();
  }
}

async function whenFree(folder) {
  for (;;) {
    try {
      return await lockRunFolder(folder, silentLogger);
    } catch (error) {
      if (error.code !== 'RUN_FOLDER') throw error;
    }
    await sleep(50);
  }
}

/** Megabytes of a graphics card that a process has, or null. */
export function onCard(pid) {
  const { status, stdout } = spawnSync(
    'nvidia-smi',
    ['--query-compute-apps=pid,used_memory', '--format=csv,noheader,nounits'],
    { encoding: 'utf8' },
  );
  if (status !== 0) return null;
  const row = stdout.split('\n').find((line) => Number(line.split(',')[0]) === pid);
  return row === undefined ? null : Number(row.split(',')[1]);
}

/**
 * Lets runners (of `peerFactory`) take turns: a first run each, which builds and traces what is made once, then `rounds`.
 * @returns of each the first result, and the least of its figures: `ms`, `cpu_ms`, and the largest `peak_mb`
 */
export async function takeTurns(runners, rounds) {
  const found = [];
  for (const runner of runners) {
    const first = await runner.once();
    found.push({ first, ms: Infinity, cpu_ms: Infinity, peak_mb: 0, last: first });
  }
  for (let round = 0; round < rounds; round++) {
    for (const [i, runner] of runners.entries()) {
      const one = await runner.once();
      const of = found[i];
      of.last = one;
      of.ms = Math.min(of.ms, one.ms);
      of.cpu_ms = Math.min(of.cpu_ms, one.cpu_ms);
      of.peak_mb = Math.max(of.peak_mb, one.peak_mb);
    }
  }
  return found;
}

/** Ours beside a peer's eager run and, where it runs, its compiled one: what `takeTurns` found of each, or undefined. */
export function columns({ ours, peer, compiled, about }) {
  return {
    ours_ms: rounded(ours.ms),
    peer: about ?? null,
    peer_ms: rounded(peer?.ms),
    ratio: ratio(ours.ms, peer?.ms),
    ours_cpu_ms: rounded(ours.cpu_ms),
    peer_cpu_ms: rounded(peer?.cpu_ms),
    cpu_ratio: ratio(ours.cpu_ms, peer?.cpu_ms),
    ours_peak_mb: ours.peak_mb,
    peer_peak_mb: peer?.peak_mb ?? null,
    memory_ratio: ratio(ours.peak_mb, peer?.peak_mb),
    ...(peer?.last.card_peak_mb !== undefined && { peer_card_peak_mb: peer.last.card_peak_mb }),
    // What only the first run does: memory, caches, tracing and compiling.
    ours_first_extra_ms: rounded(ours.first.ms - ours.ms),
    ...compiledColumns(ours, compiled),
  };
}

function compiledColumns(ours, compiled) {
  if (compiled === undefined) return {};
  if (typeof compiled === 'string') return { torch_compile: `does not run: ${compiled}` };
  return {
    torch_compile_ms: rounded(compiled.ms),
    torch_compile_ratio: ratio(ours.ms, compiled.ms),
    torch_compile_first_extra_ms: rounded(compiled.first.ms - compiled.ms),
  };
}

/**
 * The largest difference of terms that both have, relative to theirs (or to 0.01 where that is less).
 * @throws Error when it is above `tolerance`: other work was timed then
 */
export function sameTerms(ours, theirs, tolerance) {
  const names = Object.keys(theirs).filter((name) => name in ours);
  if (names.length === 0) throw new Error('the two sides have no term in common');
  const differences = names.map((name) => Math.abs(ours[name] - theirs[name]) / Math.max(Math.abs(theirs[name]), 0.01));
  const largest = Math.max(...differences);
  if (!(largest <= tolerance))
    throw new Error(
      `the two sides compute other things: ${names.map((name) => `${name} ${ours[name]} and ${theirs[name]}`).join(', ')}`,
    );
  return Number(largest.toExponential(1));
}

/**
 * What a peer takes that torch.compile has been told of, with KD_BENCH_TORCH_COMPILE=1 (it costs minutes on few cores);
 * where it does not run, why; undefined where nobody asks.
 */
export async function compiledTurn(start, rounds) {
  if (process.env.KD_BENCH_TORCH_COMPILE !== '1') return undefined;
  try {
    return (await takeTurns([await start()], rounds))[0];
  } catch (error) {
    return error.message;
  }
}
