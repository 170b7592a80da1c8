import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { build, joinWords } from '../../packages/cli/src/main.js';
import { blocksOf, pages, root, textOf } from './pages.js';

type Command = ReturnType<typeof build>['commands'][number];

interface Line {
  readonly page: string;
  readonly line: number;
  readonly text: string;
  /** To be typed as it stands; a mention within a sentence may leave arguments out. */
  readonly whole: boolean;
}

/** Lines of shell blocks and of indented blocks, and what stands between backticks. */
function linesOf(page: string): Line[] {
  const blocks = blocksOf(page);
  const within = (line: number): string | undefined =>
    blocks.find((block) => line >= block.line && line < block.line + block.code.split('\n').length - 1)?.language;
  return textOf(page)
    .split('\n')
    .flatMap((text, i): Line[] => {
      const line = i + 1;
      const language = within(line);
      if (language === 'sh' || (language === undefined && /^ {4}\S/.test(text)))
        return text
          .replace(/\s+(?:#|> ).*$/, '')
          .split('&&')
          .map((part) => ({ page, line, text: part.trim(), whole: true }));
      if (language !== undefined) return [];
      return [...text.replaceAll('\\|', '|').matchAll(/`([^`]+)`/g)].map(([, mention]) => ({
        page,
        line,
        text: mention!,
        whole: false,
      }));
    });
}

const lines = pages.flatMap(linesOf);
/** Rows of tables: what stands behind the command in the same row belongs to it. */
const rows = pages.flatMap((page) =>
  textOf(page)
    .split('\n')
    .flatMap((text, i) => (/^\| `kd /.test(text) ? [{ page, line: i + 1, text: text.replaceAll('\\|', '/') }] : [])),
);

const START = /^(?:(?:pnpm|npx|pnpm exec) )?kd /;
const { commands, globalCommand } = build();

const words = (text: string): string[] =>
  (text.match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^(['"])(.*)\1$/s, '$2'));

function commandOf(text: string): { readonly command: Command | undefined; readonly rest: string[] } {
  const [name, ...rest] = joinWords(words(text.replace(START, '')));
  return { command: commands.find((one) => one.name === name), rest };
}

/** The option that a word names, by the name under which the parser keeps it: `--no-images` as `images`, negated. */
const optionOf = (command: Command, word: string): ReturnType<Command['hasOption']> => {
  const name = word
    .slice(2)
    .replace(/=.*$/s, '')
    .replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  const negated = /^no[A-Z]/.test(name) && command.hasOption(name[2]!.toLowerCase() + name.slice(3));
  return negated !== false && negated?.negated === true
    ? negated
    : (command.hasOption(name) ?? globalCommand.hasOption(name));
};

const unknownFlags = (command: Command, rest: readonly string[]): string[] =>
  rest.filter((word) => word.startsWith('--') && word !== '--help' && optionOf(command, word) === undefined);

/** What is wrong with a command line, or null. */
function wrong({ text, whole }: Pick<Line, 'text' | 'whole'>): string | null {
  if (/^kd --\w+$/.test(text)) return ['kd --help', 'kd --version'].includes(text) ? null : 'no such option of kd';
  const { command, rest } = commandOf(text);
  if (command === undefined)
    return `there is no such command; there are ${commands.map(({ name }) => name).join(', ')}`;
  const unknown = unknownFlags(command, rest);
  if (unknown.length > 0) return `kd ${command.name} has no ${unknown.join(', ')}`;
  if (!whole) return null;
  const given = argumentCount(command, rest);
  const needed = command.args.filter(({ required }) => required).length;
  const most = command.args.some(({ variadic }) => variadic) ? Infinity : command.args.length;
  return given < needed || given > most
    ? `kd ${command.name} takes ${needed} to ${most} arguments, not ${given}`
    : null;
}

/** Words that are neither flags nor their values. */
function argumentCount(command: Command, rest: readonly string[]): number {
  let count = 0;
  for (let i = 0; i < rest.length; i++) {
    if (!rest[i]!.startsWith('--')) count++;
    else if (!rest[i]!.includes('=') && optionOf(command, rest[i]!)?.isBoolean !== true) i++;
  }
  return count;
}

describe('command lines on the pages', () => {
  const ours = lines.filter(({ text }) => START.test(text));

  test('are found', () => {
    expect(ours.filter(({ whole }) => whole).length).toBeGreaterThan(5);
    expect(rows.length).toBe(commands.length);
  });

  test.each(ours.map((line) => [`${line.page}:${line.line}`, line.text, line] as const))('%s: %s', (_, _text, line) => {
    expect(wrong(line)).toBeNull();
  });

  test.each(rows.map(({ page, line, text }) => [`${page}:${line}`, text] as const))(
    'options in the row %s belong to its command',
    (_, text) => {
      const { command } = commandOf(/`(kd [^`]+)`/.exec(text)![1]!);
      expect(command).toBeDefined();
      const flags = [...text.matchAll(/`(--[^`]+)`/g)].flatMap(([, mention]) => words(mention!));
      expect(unknownFlags(command!, flags)).toEqual([]);
    },
  );

  test.each([
    ['kd trian a.ts', /no such command/],
    ['kd train a.ts --ouut b', /--ouut/],
    ['pnpm kd prototypes', /1 to 1 arguments/],
    ['kd eval a --json b', /not 2/],
    ['kd data chek --voc a', /no such command/],
  ])('%s would be refused', (text, message) => {
    expect(wrong({ text, whole: true })).toMatch(message);
  });

  test('of pnpm and npm name scripts that are there', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const own = new Set([
      'add',
      'install',
      'i',
      'exec',
      'pack',
      'publish',
      'create',
      'dlx',
      'init',
      'test',
      'run',
      'version',
      'login',
      ...Object.keys(scripts),
    ]);
    const unknown = lines.flatMap(({ page, line, text }) => {
      const name = /^pnpm ([a-z:-]+)/.exec(text)?.[1] ?? /^npm run ([\w:-]+)/.exec(text)?.[1];
      return name === undefined || own.has(name) ? [] : [`${page}:${line} ${text}`];
    });
    expect(unknown).toEqual([]);
  });
});
