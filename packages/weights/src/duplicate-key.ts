import { jsonStringEnd } from '@kd/core';

/**
 * The first key that occurs twice in one object of a JSON text, or null. `JSON.parse` keeps the last one without a
 * word, so that two
 * tensors of one name would become one. The text must be valid JSON.
 */
export function duplicateKey(json: string): string | null {
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
      if (keys.has(key)) return key;
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
