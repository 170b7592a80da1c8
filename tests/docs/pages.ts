import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Block {
  readonly page: string;
  /** Of the first line of code, counted from 1. */
  readonly line: number;
  /** What stands behind the opening fence. */
  readonly language: string;
  readonly code: string;
}

const inFolder = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => (folder === '.' ? name : `${folder}/${name}`));

/** Every page that a reader of the repository or of a package may open. */
export const pages: readonly string[] = [
  ...inFolder('.'),
  ...inFolder('docs'),
  ...readdirSync(join(root, 'packages'))
    .map((name) => `packages/${name}/README.md`)
    .filter((page) => existsSync(join(root, page))),
];

export const textOf = (page: string): string => readFileSync(join(root, page), 'utf8');

export function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let open: { language: string; line: number; code: string[] } | undefined;
  textOf(page)
    .split('\n')
    .forEach((line, i) => {
      const fence = /^\s*```(.*)$/.exec(line);
      if (fence === null) open?.code.push(line);
      else if (open === undefined) open = { language: fence[1]!.trim(), line: i + 2, code: [] };
      else {
        blocks.push({ page, line: open.line, language: open.language, code: `${open.code.join('\n')}\n` });
        open = undefined;
      }
    });
  if (open !== undefined) throw new Error(`${page}, line ${open.line - 1}: this block of code is never closed.`);
  return blocks;
}
