/** A promise, or an error where it takes longer than a number of seconds: what it stands for goes on by itself. */
export async function limited<T>(work: Promise<T>, seconds: number): Promise<T> {
  let clock: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, fail) => {
    clock = setTimeout(() => fail(new Error(`it has not answered within ${seconds} s.`)), 1000 * seconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(clock);
  }
}
