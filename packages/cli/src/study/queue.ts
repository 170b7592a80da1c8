/** What became of a run of a study. */
export type Outcome =
  | { readonly state: 'done' }
  | { readonly state: 'failed'; readonly why: string }
  /** The person asked for it: it goes on the next time. */
  | { readonly state: 'stopped' };

export interface QueueOptions<Run> {
  /** At most so many at once. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  readonly start: (run: Run) => Promise<Outcome>;
}

/**
 * Starts each run once those that it needs are done, in their order. One that fails takes those with it that need it,
 * and no other; after a stop nothing more is started.
 */
export async function runQueue<Run extends { readonly name: string; readonly needs: readonly string[] }>(
  runs: readonly Run[],
  { jobs, signal, start }: QueueOptions<Run>,
): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const active = new Map<string, Promise<void>>();
  const waiting = [...runs];
  const state = (name: string): Outcome['state'] | undefined => outcomes.get(name)?.state;
  for (;;) {
    for (const run of [...waiting]) {
      const failed = run.needs.find((name) => state(name) === 'failed');
      const ready = run.needs.every((name) => state(name) === 'done');
      if (failed === undefined && (!ready || active.size >= jobs || signal.aborted)) continue;
      waiting.splice(waiting.indexOf(run), 1);
      if (failed !== undefined) outcomes.set(run.name, { state: 'failed', why: `needs ${failed}, which failed` });
      else active.set(run.name, follow(run));
    }
    if (active.size === 0) break;
    await Promise.race(active.values());
  }
  for (const { name } of waiting) outcomes.set(name, { state: 'stopped' });
  return outcomes;

  async function follow(run: Run): Promise<void> {
    try {
      outcomes.set(run.name, await start(run));
    } catch (error) {
      outcomes.set(run.name, { state: 'failed', why: error instanceof Error ? error.message : String(error) });
    } finally {
      active.delete(run.name);
    }
  }
}
