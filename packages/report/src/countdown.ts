import { printable } from '@kd/core/plain';
import { createLogUpdate } from 'log-update';
import { bar } from './progress-lines.js';

/** A bar for work of a known size, on a terminal only; `end` wipes it away. */
export function countdown(
  label: string,
  stream: NodeJS.WriteStream = process.stderr,
): { show(done: number, of: number): void; end(): void } {
  if (stream.isTTY !== true || stream.rows === 0) return { show: () => {}, end: () => {} };
  const update = createLogUpdate(stream, { showCursor: true });
  return {
    show: (done, of) => update(`${printable(label)} ${bar(done / of, 30)} ${done}/${of}`),
    end: () => update.clear(),
  };
}
