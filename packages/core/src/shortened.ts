/** Paths, lists of classes and tensors stay whole; what a damaged file gives for a name does not. */
const LONGEST_LINE = 10_000;

/** A line of a message without what nobody reads to its end: a name of a megabyte, say, of which the start stays. */
export function shortened(line: string): string {
  const words = line.replace(/\S{501,}/g, (word) => `${word.slice(0, 100)}… (${word.length} characters)`);
  return words.length > LONGEST_LINE ? `${words.slice(0, LONGEST_LINE)}… (${words.length} characters)` : words;
}
