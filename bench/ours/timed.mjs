/** KD_BENCH_STEPS=10: so many runs are timed at once, but the first: a graphics card ends one during the next. */
const STEPS = Number(process.env.KD_BENCH_STEPS ?? 1);
let first = true;

/** Wall and processor time of a run, and what it gives. */
export async function timed(run) {
  const count = first ? 1 : STEPS;
  first = false;
  const cpu = process.cpuUsage();
  const start = performance.now();
  let result;
  for (let i = 0; i < count; i++) result = await run();
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { ms: ms / count, cpu_ms: (user + system) / 1000 / count, result };
}
