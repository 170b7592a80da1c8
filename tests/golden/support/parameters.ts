/** The value, if it is one that a test knows. @throws with the name of the parameter otherwise */
export function oneOf<const T>(what: string, value: unknown, known: readonly T[]): T {
  if ((known as readonly unknown[]).includes(value)) return value as T;
  throw new Error(
    `${what} is ${JSON.stringify(value)}, which the test cannot map to an option; known are ${known.map((one) => JSON.stringify(one)).join(', ')}`,
  );
}

/** For what our functions have one value of: the case must have the same. */
export function only(what: string, value: unknown, ours: unknown): void {
  if (JSON.stringify(value) !== JSON.stringify(ours))
    throw new Error(
      `${what} is ${JSON.stringify(value)}; the function under test has ${JSON.stringify(ours)} and no option for it`,
    );
}
