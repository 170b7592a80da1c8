/** Hears of the parts of a step as they begin and end; parts inside of parts end first. */
export interface PartWatcher {
  begin(part: string, name: string): void;
  end(): void;
}

let watcher: PartWatcher | null = null;

/**
 * Runs a part of a step under its name, which a profile tells the time of. Costs nothing where none is made.
 * @param part the row of the profile that it counts to @param name what a trace calls it, where that says more
 */
export function part<T>(part: string, run: () => T, name = part): T {
  const end = startPart(part, name);
  try {
    return run();
  } finally {
    end();
  }
}

/** A part that ends when the returned function is called, for one that no single function runs. */
export function startPart(part: string, name = part): () => void {
  const to = watcher;
  to?.begin(part, name);
  return () => to?.end();
}

/** Tells the parts of what `run` does at once, and nothing of other trainings in the process. */
export function watchParts<T>(to: PartWatcher, run: () => T): T {
  const before = watcher;
  watcher = to;
  try {
    return run();
  } finally {
    watcher = before;
  }
}
