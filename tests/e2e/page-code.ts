import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Block, blocksOf } from '../docs/pages.js';
import { config } from './kd.js';

/** Source without indentation, so that an excerpt is found inside of a function. */
const lines = (text: string): string =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim())
    .join('\n');

export const codeOf = (page: string, language: string): Block[] =>
  blocksOf(page).filter((block) => block.language === language);

/** A file of configs/ below its first line, which says where else it stands. */
export const shownCode = (name: string): string => readFileSync(config(name), 'utf8').split('\n').slice(1).join('\n');

/** Tests that what a page shows stands in files that the type check reads and that tests run. */
export function testStandsInFiles(page: string, files: readonly string[]): void {
  const sources = files.map((file) => lines(readFileSync(file, 'utf8')));
  test.each(codeOf(page, 'ts').map(({ code }) => [code.split('\n')[0]!, code] as const))(
    'shows code that stands in a file of the repository: %s',
    (_, code) => {
      expect(sources.some((source) => source.includes(lines(code)))).toBe(true);
    },
  );
}

/** The terms of every line of a run's log. */
export const loggedTerms = (run: string): Record<string, number>[] =>
  readFileSync(join(run, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; terms: Record<string, number> })
    .flatMap((line) => (line.type === 'log' ? [line.terms] : []));
