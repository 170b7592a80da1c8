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

/**
 * The first key that occurs twice in one object of a JSON text, and where it does the second time; or null.
 * `JSON.parse` keeps the last one without a word. The text must be valid JSON.
 */
export function duplicateKey(json: string): { readonly key: string; readonly index: number } | null {
  const open: (Set<string> | null)[] = [];
  const token = /["{}[\]]/g;
  for (let match = token.exec(json); match !== null; match = token.exec(json)) {
    if (match[0] === '{') open.push(new Set());
    else if (match[0] === '[') open.push(null);
    else if (match[0] !== '"') open.pop();
    else {
      const end = jsonStringEnd(json, match.index);
      token.lastIndex = end;
      const keys = open.at(-1);
      if (!keys || !isKey(json, end)) continue;
      const key = JSON.parse(json.slice(match.index, end)) as string;
      if (keys.has(key)) return { key, index: match.index };
      keys.add(key);
    }
  }
  return null;
}

/** Whether the text that ends there is a key: a colon follows. */
function isKey(json: string, end: number): boolean {
  let at = end;
  while (/\s/.test(json[at] ?? '')) at++;
  return json[at] === ':';
}
