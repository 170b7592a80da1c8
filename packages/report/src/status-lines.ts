import { printable } from '@kd/core/plain';
import { createLogUpdate } from 'log-update';

/** Lines that stay, and below them, on a terminal only, some that are drawn anew; `end` wipes those away. */
export function statusLines(stream: NodeJS.WriteStream = process.stderr): {
  persist(line: string): void;
  show(lines: readonly string[]): void;
  end(): void;
} {
  if (stream.isTTY !== true || stream.rows === 0)
    return { persist: (line) => void stream.write(`${printable(line)}\n`), show: () => {}, end: () => {} };
  const update = createLogUpdate(stream, { showCursor: true });
  return {
    persist: (line) => update.persist(printable(line)),
    show: (lines) => update(lines.map(printable).join('\n')),
    end: () => update.clear(),
  };
}
