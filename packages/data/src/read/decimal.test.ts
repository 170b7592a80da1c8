import { expect, it } from 'vitest';
import { decimalComma } from './decimal.js';

it.each([
  ['0,5', 'a decimal comma; write 0.5'],
  [',5', 'a decimal comma; write .5'],
  ['-1,234', 'a decimal comma; write -1.234'],
  ['1.234,5', 'a decimal comma and thousands signs; write 1234.5'],
  ['-1.234.567,89', 'a decimal comma and thousands signs; write -1234567.89'],
  ['1 234,5', 'a decimal comma and thousands signs; write 1234.5'],
  ['1\u202f234,5', 'a decimal comma and thousands signs; write 1234.5'],
  ['1,234.5', 'thousands signs; write 1234.5'],
  ['1,234,567', 'thousands signs; write 1234567'],
  ['1.234.567', 'thousands signs; write 1234567'],
  ['1’234', 'thousands signs; write 1234'],
  ["12'345.6", 'thousands signs; write 12345.6'],
])('tells of %s that it is one with %s', (text, told) => {
  expect(decimalComma(text)).toBe(`, but one with ${told}`);
});

it.each(['', 'cat', '1,2,3', '1,234,5', '1.2.3', '12 34', '1,', '1234,567.8', '0x1,5'])(
  'says nothing of %j',
  (text) => {
    expect(decimalComma(text)).toBe('');
  },
);
