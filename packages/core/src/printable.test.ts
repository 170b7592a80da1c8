import { expect, test, vi } from 'vitest';
import { KdError } from './errors.js';
import { consoleLogger } from './logger.js';
import { printable } from './printable.js';

test.each([
  ['\u001b[31mred\u001b[0m', '\\u001b[31mred\\u001b[0m'],
  ['a\nerror [X] b\r\tc', 'a\\nerror [X] b\\r\\tc'],
  ['\u0000\u0007\u007f\u009b2J', '\\u0000\\u0007\\u007f\\u009b2J'],
  ['\u2028\u2029\u202e\u2066\u200f', '\\u2028\\u2029\\u202e\\u2066\\u200f'],
  ['größe 車 👩‍🚀 a\\nb', 'größe 車 👩‍🚀 a\\nb'],
])('%j is printed as %j', (text, shown) => expect(printable(text)).toBe(shown));

test('a message has the lines that it is given, and no other', () => {
  expect(new KdError('USAGE', 'a\nb\u001b').message).toBe('a\\nb\\u001b');
  expect(new KdError('USAGE', ['a', '  b\n', 'c']).message).toBe('a\n  b\\n\nc');
});

test('the logger writes one line a message', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  consoleLogger.warn('a\nb');
  consoleLogger.info('\u001bc');
  expect(write.mock.calls).toEqual([['warning: a\\nb\n'], ['\\u001bc\n']]);
  write.mockRestore();
});
