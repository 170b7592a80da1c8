// Paths as POSIX has them, from the root: what Node's `path` gives there for the few that are needed.

export const isAbsolute = (path: string): boolean => path.startsWith('/');

export function join(...parts: readonly string[]): string {
  const path = parts.filter((part) => part !== '').join('/');
  const root = isAbsolute(path) ? '/' : '';
  return root + steps(path, root !== '').join('/') || '.';
}

export function resolve(...parts: readonly string[]): string {
  const from = parts.findLastIndex(isAbsolute);
  return join('/', ...parts.slice(Math.max(from, 0)));
}

export const basename = (path: string): string => /([^/]*)\/*$/.exec(path)![1]!;

export function dirname(path: string): string {
  const end = path.replace(/\/+$/, '').lastIndexOf('/');
  return end < 0 ? (isAbsolute(path) ? '/' : '.') : path.slice(0, end).replace(/\/+$/, '') || '/';
}

/** Without `.` and, as far as they go, `..`. */
function steps(path: string, rooted: boolean): string[] {
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') out.push(part);
    else if (out.length > 0 && out.at(-1) !== '..') out.pop();
    else if (!rooted) out.push(part);
  }
  return out;
}
