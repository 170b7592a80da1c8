import { expect, it } from 'vitest';
import { KdError } from './errors.js';
import { shortened } from './shortened.js';

it('leaves of an endless name its start and its length, and what people write as it is', () => {
  const path = `/${'folder/'.repeat(60)}a.png: there is no such file`;
  expect(shortened(path)).toBe(path);
  expect(shortened(`key "${'y'.repeat(2_000_000)}" is unknown`)).toBe(
    `key "${'y'.repeat(99)}… (2000002 characters) is unknown`,
  );
  expect(shortened('a '.repeat(1_000_000))).toBe(`${'a '.repeat(5000)}… (2000000 characters)`);
  expect(new KdError('DATA_INVALID', ['one', 'z'.repeat(501)]).message).toBe(
    `one\n${'z'.repeat(100)}… (501 characters)`,
  );
});
