import { cac } from 'cac';
import { expect, test } from 'vitest';
import { mark, unmark } from './number-words.js';

function parse(...argv: string[]) {
  const program = cac('kd');
  program
    .command('do <what> [...more]', 'A command')
    .option('--out <dir>', 'Text')
    .option('--batch-size <n>', 'A number')
    .option('--budget <minutes>', 'A number')
    .option('--json', 'No value')
    .option('--to [file]', 'Text, if any')
    .action(() => {});
  program.parse(['node', 'kd', ...mark(argv)], { run: false });
  const empty = unmark(program);
  return { args: program.args, options: program.options, empty };
}

test('values of text are what was typed, values of numbers are numbers', () => {
  for (const word of ['0012', '1e3', '2007', '0x10', '.5', 'a b', '=', 'x=1'])
    for (const argv of [['--out', word], [`--out=${word}`]])
      expect(parse('do', 'it', ...argv)).toEqual({ args: ['it'], options: { out: word }, empty: null });
  expect(parse('do', 'it', '--batch-size', '8', '--json').options).toEqual({ batchSize: 8, json: true });
  expect(parse('do', 'it', '--budget', '90').options).toEqual({ budget: 90 });
  expect(parse('do', 'it', '--batch-size=2.5').options).toEqual({ batchSize: 2.5 });
  expect(parse('do', 'it', '--batch-size=many').options).toEqual({ batchSize: 'many' });
  expect(parse('do', '007', '5', '--out', '1', '--out', '02')).toMatchObject({
    args: ['007', '5'],
    options: { out: ['1', '02'] },
  });
});

test('what follows -- is text, also what looks like an option', () => {
  expect(parse('do', 'it', '--json', '--', '-r.jpg', '--out', '7')).toEqual({
    args: ['it', '-r.jpg', '--out', '7'],
    options: { json: true },
    empty: null,
  });
});

test('- is a value', () => {
  for (const argv of [['--to', '-'], ['--to=-']])
    expect(parse('do', '-', ...argv)).toEqual({ args: ['-'], options: { to: '-' }, empty: null });
  expect(parse('do', 'it', '--to').options).toEqual({ to: true });
});

test('an empty value is told, by the name of its option', () => {
  expect(parse('do', 'it', '--out', '').empty).toBe('--out');
  expect(parse('do', 'it', '--batch-size=').empty).toBe('--batch-size');
});
