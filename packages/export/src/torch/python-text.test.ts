import { expect, test } from 'vitest';
import { assignment, call, code, dict, python, tuple } from './python-text.js';

test('values as Python has them', () => {
  expect(python([1, 0.5, 1e-7, Infinity, -Infinity, true, null, 'a"ö\n', tuple([]), tuple([2]), tuple([1, [2]])])).toBe(
    '[1, 0.5, 1e-7, float("inf"), float("-inf"), True, None, "a\\"ö\\n", (), (2,), (1, [2])]',
  );
  expect(python(call('f', [code('x')], { a: 1, left: undefined, b: dict({}) }))).toBe('f(x, a=1, b=dict())');
});

test('what is too long for a line stands an entry a line', () => {
  const sides = Array.from({ length: 30 }, (_, i) => i * 100);
  expect(assignment('model', dict({ type: 'A', sides, short: [1] }))).toBe(
    [
      'model = dict(',
      '    type="A",',
      '    sides=[',
      ...sides.map((side) => `        ${side},`),
      '    ],',
      '    short=[1],',
      ')',
    ].join('\n'),
  );
});
