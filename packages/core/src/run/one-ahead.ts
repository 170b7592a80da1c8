/**
 * Gives every item once `look` has seen the one behind it, so that something can be begun for that one while this one
 * is worked with. An error in place of an item is told when its turn comes.
 */
export async function* oneAhead<T>(
  items: AsyncIterable<T>,
  look: (item: T) => void,
): AsyncGenerator<T, void, undefined> {
  const iterator = items[Symbol.asyncIterator]();
  const take = async (): Promise<IteratorResult<T, unknown>> => {
    const taken = await iterator.next();
    if (taken.done !== true) look(taken.value);
    return taken;
  };
  try {
    let next = take();
    for (;;) {
      const taken = await next;
      if (taken.done === true) return;
      next = take();
      await next.catch(() => {});
      yield taken.value;
    }
  } finally {
    await iterator.return?.();
  }
}
