import { describe, expect, it } from 'vitest';
import { classDifference, sharedClassesAdvice } from './class-lists.js';

const lists = (one: readonly string[], other: readonly string[]) =>
  [
    { of: 'the training data', names: one },
    { of: 'the validation data', names: other },
  ] as const;

describe('lists of classes', () => {
  it.each([
    ['the same', ['a', 'b'], ['a', 'b'], null],
    ['another order', ['a', 'b'], ['b', 'a'], 'the same classes in another order'],
    ['a subset', ['a', 'b', 'c'], ['c', 'a'], 'only the training data has b'],
    ['a superset', ['a'], ['a', 'b', 'c'], 'only the validation data has b, c'],
    ['another case', ['Red', 'b'], ['red', 'b'], 'the training data writes Red, the validation data red'],
    [
      'all at once',
      ['a', 'Red', 'x'],
      ['red', 'y', 'a'],
      'the training data writes Red, the validation data red; only the training data has x; only the validation data has y',
    ],
    ['names of objects', ['toString', 'constructor'], ['constructor'], 'only the training data has toString'],
  ])('differ by name: %s', (_, one, other, difference) => {
    expect(classDifference(...lists(one, other))).toBe(difference);
  });

  it('name what both have as the way out', () => {
    expect(sharedClassesAdvice(...lists(['c', 'a', 'b'], ['a', 'c', 'd']))).toContain('"classes": ["c","a"]');
    expect(sharedClassesAdvice(...lists(['c', 'Red'], ['red', 'c']))).toMatch(/write "Red" in the same way/);
    expect(sharedClassesAdvice(...lists(['a'], ['b']))).toContain('no class in common');
  });
});
