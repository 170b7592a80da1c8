import { expect, it } from 'vitest';
import { duplicateKey, jsonStringEnd } from './json-text.js';
import { shown } from './shown.js';

it('shows any value of a file within its length', () => {
  expect([undefined, null, 'a"b', [1, 'x'], { a: NaN }].map((value) => shown(value))).toEqual([
    'nothing',
    'null',
    '"a\\"b"',
    '[1,"x"]',
    '{"a":null}',
  ]);
  expect(shown('x'.repeat(1e7), 10)).toBe('"xxxxxxxxx…');
  expect(shown([...Array(100).keys()], 10)).toBe('[0,1,2,3,4…');
  let deep: unknown = [];
  for (let i = 0; i < 500_000; i++) deep = [deep];
  expect(shown(deep)).toBe('a list nested too deep to show');
});

it('finds the end of a text in JSON, past escapes, however long it is', () => {
  for (const text of ['""', '"a"', '"\\""', '"\\\\"', '"a\\\\\\"b"', `"${'\\"'.repeat(2_000_000)}"`])
    expect(jsonStringEnd(`[${text}, "next"]`, 1)).toBe(1 + text.length);
  expect(jsonStringEnd('"cut', 0)).toBe(4);
});

it('finds the key that an object of a JSON text has twice, at any depth, however it is escaped', () => {
  expect(duplicateKey('{"a": 1, "b": {"a": 2}, "c": [{"a": 3}, {"a": "a"}, "a", "a"]}')).toBeNull();
  expect(duplicateKey('{"a": {"b": 1,\n"c": "\\"b", "b" : 2}}')).toEqual({ key: 'b', index: 27 });
  expect(duplicateKey('[{"a": 1, "\\u0061": 2}]')).toEqual({ key: 'a', index: 10 });
});
