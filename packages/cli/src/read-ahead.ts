/** An item with what became of it. */
export interface Settled<Item, Result> {
  readonly item: Item;
  readonly result: PromiseSettledResult<Result>;
}

/**
 * What `start` makes of items, in their order; up to `depth` are started before they are asked for, so that one goes on
 * while the others are being worked with.
 */
export async function* readAhead<Item, Result>(
  items: readonly Item[],
  depth: number,
  start: (item: Item) => Promise<Result>,
): AsyncGenerator<Settled<Item, Result>, void, undefined> {
  const started: Promise<PromiseSettledResult<Result>>[] = [];
  for (const [i, item] of items.entries()) {
    while (started.length < items.length && started.length <= i + depth)
      started.push(Promise.allSettled([start(items[started.length]!)]).then(([result]) => result));
    yield { item, result: await started[i]! };
    delete started[i];
  }
}
