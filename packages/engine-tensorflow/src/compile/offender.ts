/** Calls between an op and the code that asks for it are many. */
const FRAMES = 60;

/** Errors that are made within it know where they come from, however deep that is. */
export function deepStacks<T>(run: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = Math.max(stackTraceLimit, FRAMES);
  try {
    return run();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** The line of the code that a thrown error comes from: the first that is neither TensorFlow.js nor the engine. */
export function offender(error: unknown): string {
  const line = lineOf(error);
  return line === '' ? '' : ` (${line})`;
}

/** The same without brackets. */
export function lineOf(error: unknown): string {
  const frames = (rootOf(error).stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const place = frames
    .map((line) => /(?:\(|at )(?:async )?((?:file:|\/|[A-Za-z]:\\)[^()]*:\d+:\d+)\)?$/.exec(line.trim())?.[1])
    .find((at) => at !== undefined && !OURS.test(at));
  return place === undefined ? '' : short(place);
}

const OURS = /node:|[\\/]@tensorflow[\\/]|[\\/](@kd[\\/])?engine-tensorflow[\\/](src|dist|vendor)[\\/](?!.*\.test\.)/;

/** What threw first. */
export function rootOf(error: unknown): Error & { readonly code?: string } {
  let root = error instanceof Error ? error : new Error(String(error));
  while (root.cause instanceof Error) root = root.cause;
  return root;
}

/** From the package on, without the column: a path of this machine means nothing to a reader elsewhere. */
function short(place: string): string {
  const path = place
    .replace(/^file:\/\//, '')
    .replace(/:\d+$/, '')
    .replaceAll('\\', '/');
  const installed = path.lastIndexOf('/node_modules/');
  if (installed >= 0) return path.slice(installed + '/node_modules/'.length);
  const here = `${process.cwd().replaceAll('\\', '/')}/`;
  return path.startsWith(here) ? path.slice(here.length) : path.split('/').slice(-3).join('/');
}
