import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Frame, frames } from './frames.js';
import { type Block, blocksOf, pages, root } from './pages.js';

const blocks = pages.flatMap(blocksOf);
const code = blocks.filter(({ language }) => language === 'ts');

const frameOf = (block: Block): Frame | undefined =>
  frames.find(({ page, begins }) => page === block.page && block.code.startsWith(begins));

/** A block as a file of its own; a module even where it imports and exports nothing. */
function fileOf(
  block: Block,
  i: number,
): { readonly name: string; readonly text: string; readonly first: number; readonly block: Block } {
  const { before = '', after = '', folder = '.' } = frameOf(block) ?? {};
  const lead = `${before === '' ? '' : `${before}\n`}`;
  return {
    name: join(root, folder, `docs-block-${i}.ts`),
    text: `${lead}${block.code}${after}\nexport {};\n`,
    first: lead.split('\n').length - 1,
    block,
  };
}

/** What TypeScript says of all blocks, as one program, each finding by page and line. */
function findings(files: readonly ReturnType<typeof fileOf>[]): string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), (path) => ts.sys.readFile(path)) as {
    config: { compilerOptions: unknown };
  };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  const settings: ts.CompilerOptions = {
    ...options,
    composite: false,
    declaration: false,
    declarationMap: false,
    sourceMap: false,
    noEmit: true,
    stableTypeOrdering: false,
  };
  const host = ts.createCompilerHost(settings);
  const ours = new Map(files.map((file) => [file.name, file]));
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (name) => ours.has(name) || fileExists(name);
  host.readFile = (name) => ours.get(name)?.text ?? readFile(name);
  host.getSourceFile = (name, version, ...rest) =>
    ours.has(name) ? ts.createSourceFile(name, ours.get(name)!.text, version) : getSourceFile(name, version, ...rest);
  const program = ts.createProgram([...ours.keys()], settings, host);
  return files.flatMap(({ name, first, block }) => {
    const source = program.getSourceFile(name)!;
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ start = 0, messageText }) => {
        const line = block.line + source.getLineAndCharacterOfPosition(start).line - first;
        return `${block.page}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
      },
    );
  });
}

/** What the check has to find. */
const mistaken: Block = {
  page: 'a page',
  line: 7,
  language: 'ts',
  code: "import { defineConfig } from '@kd/core';\ndefineConfig({ stundent: 'retinanet' });\n",
};

describe('code on the pages', () => {
  let told: string[];
  beforeAll(() => {
    told = findings([...code, mistaken].map(fileOf));
  });

  test.each(pages.filter((page) => code.some((block) => block.page === page)))('of %s type-checks', (page) => {
    expect(told.filter((finding) => finding.startsWith(`${page}:`))).toEqual([]);
  });

  test('with a mistake in it would not', () => {
    expect(told.filter((finding) => finding.startsWith('a page:')).join()).toMatch(/^a page:8: .*stundent/s);
  });

  test('is in languages that are checked', () => {
    expect(
      blocks
        .filter(({ language }) => !['ts', 'json', 'sh', 'yaml'].includes(language))
        .map(({ page, line, language }) => `${page}:${line} ${language}`),
    ).toEqual([]);
  });

  test.each(
    blocks
      .filter(({ language }) => language === 'json')
      .map(({ page, line, code: text }) => [`${page}:${line}`, text] as const),
  )('in JSON parses: %s', (_, text) => {
    expect(() => JSON.parse(text) as unknown).not.toThrow();
  });

  test('is there for every frame', () => {
    expect(
      frames
        .filter((frame) => !code.some((block) => frameOf(block) === frame))
        .map(({ page, begins }) => `${page}: ${begins}`),
    ).toEqual([]);
  });
});
