import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { parseOptions } from './options.js';

describe('parseOptions', () => {
  const schema = v.strictObject({
    weight: v.optional(v.number(), 4),
    levels: v.optional(v.array(v.object({ name: v.string() })), []),
  });

  it('fills in defaults', () => expect(parseOptions(schema, {}, 'x')).toEqual({ weight: 4, levels: [] }));

  it('tells every issue with its path and whose options they are', () => {
    const refused = () => parseOptions(schema, { weight: 'x', levels: [{}], wieght: 1 }, 'distiller "ssim"');
    expect(refused).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(refused).toThrow(
      /distiller "ssim"[^]*weight: [^]*levels\.0\.name: [^]*wieght: there is no such option; did you mean "weight"\?/,
    );
  });

  it('takes no list for an object, at any depth', () => {
    const nested = v.strictObject({ inner: v.optional(v.strictObject({ a: v.optional(v.number(), 1) }), {}) });
    expect(() => parseOptions(nested, [], 'x')).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: 'x: the options are not valid:\n  must be an object { … }; got a list [ … ]',
      }),
    );
    expect(() => parseOptions(nested, { inner: [] }, 'x')).toThrow(/^[^\n]*\n {2}inner: must be an object/);
    expect(parseOptions(nested, { inner: {} }, 'x')).toEqual({ inner: { a: 1 } });
  });

  it('says in words what has to stand there, and what to write', () => {
    const nested = v.strictObject({
      list: v.optional(v.array(v.picklist(['cls', 'reg']))),
      side: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(9))),
      names: v.optional(v.pipe(v.array(v.string()), v.minLength(2))),
      own: v.optional(v.number('must be worked out')),
    });
    const told = (options: object): string => {
      try {
        parseOptions(nested, options, 'x');
      } catch (error) {
        return (error as Error).message.split('\n').slice(1).join('\n');
      }
      return '';
    };
    expect(told({ list: 'clss', side: 10 })).toBe(
      '  list: must be a list; got "clss": write ["cls"]\n  side: must be at most 9; got 10',
    );
    expect(told({ list: ['cls', 'box'], names: ['a'] })).toBe(
      '  list.1: must be "cls" or "reg"; got "box"\n  names: must have at least 2; got ["a"]',
    );
    expect(told({ own: 'x' }), 'the words of the schema').toBe('  own: must be worked out');
  });

  it('takes any Standard Schema, but no asynchronous one', () => {
    const twice = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (value: unknown) => ({ value: Number(value) * 2 }),
      },
    };
    expect(parseOptions(twice, 2, 'x')).toBe(4);
    const later = {
      '~standard': { version: 1 as const, vendor: 'test', validate: async (value: unknown) => ({ value }) },
    };
    expect(() => parseOptions(later, 2, 'x')).toThrow(/asynchronous/);
  });
});
