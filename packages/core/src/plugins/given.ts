/** Options without the keys that hold undefined, which would hide the defaults that they are spread over. */
export const given = (factors: Readonly<Record<string, number | undefined>>): Record<string, number> =>
  Object.fromEntries(Object.entries(factors).filter((entry): entry is [string, number] => entry[1] !== undefined));
