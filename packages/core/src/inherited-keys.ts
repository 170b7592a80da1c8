/**
 * Paths of keys in plain data that every object has by itself (`constructor`, `toString`, `__proto__`): schemas take
 * them for known ones, or drop them without a word. No option is called so.
 */
export function inheritedKeys(value: unknown): string[] {
  const found: string[] = [];
  const seen = new Set<unknown>();
  const open: [value: unknown, path: string][] = [[value, '']];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [node, path] = next;
    if (!isPlain(node) || seen.has(node)) continue;
    seen.add(node);
    for (const [key, inner] of Object.entries(node)) {
      const own = path === '' ? key : `${path}.${key}`;
      if (key in Object.prototype) found.push(own);
      else open.push([inner, own]);
    }
  }
  return found;
}

/** A list, or an object as JSON has it; what has functions is somebody's code. */
function isPlain(value: unknown): value is object {
  if (Array.isArray(value)) return true;
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    (prototype === Object.prototype || prototype === null) &&
    !Object.values(value).some((inner) => typeof inner === 'function')
  );
}
