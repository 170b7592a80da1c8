/**
 * Where a text that starts at a quote of a JSON text ends: the place behind its closing quote, or the end of the text.
 * A loop and no regular expression, whose stack a text of some megabytes overflows.
 */
export function jsonStringEnd(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === 0x22) return at + 1; // "
    if (code === 0x5c) at++; // a backslash and what it escapes
  }
  return json.length;
}
