import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { create } from './create.js';
import { main } from './main.js';
import { constantName, type Kind, naming } from './naming.js';

const empty = (): string => mkdtempSync(join(tmpdir(), 'kd-create-'));
const allFiles = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

describe('what is written', () => {
  test.each([
    ['distiller', ['kd.config.ts', 'teacher.config.ts']],
    ['detector', ['kd.config.ts']],
    ['teacher', ['kd.config.ts']],
  ] as const)('%s: all files, nothing left open, nothing else', (kind: Kind, configs) => {
    const parent = empty();
    const { folder, files } = create({ kind, name: 'my-own', folder: join(parent, 'here') });
    expect(allFiles(folder)).toEqual(
      [
        '.gitignore',
        'LICENSE',
        'README.md',
        'package.json',
        'src/index.test.ts',
        'src/index.ts',
        'tsconfig.json',
        ...configs,
      ].sort(),
    );
    expect([...files].sort()).toEqual(allFiles(folder));
    for (const file of files)
      expect(readFileSync(join(folder, file), 'utf8'), file).not.toMatch(
        /\{\{|\}\}.*\}\}|undefined|workspace:|catalog:/,
      );
    expect(readdirSync(parent)).toEqual(['here']);
  });

  test('the manifest says what it is, however it is described', () => {
    const { folder } = create({
      kind: 'distiller',
      name: '@me/sharp-eyes',
      folder: join(empty(), 'x'),
      description: 'Says "look"',
    });
    expect(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))).toMatchObject({
      name: '@me/sharp-eyes',
      description: 'Says "look"',
      kd: { kind: 'distiller', name: 'sharp-eyes', apiVersion: 1 },
      peerDependencies: { '@kd/core': expect.stringMatching(/^\^\d+\.\d+\.\d+$/) },
      devDependencies: { typescript: expect.stringMatching(/^\d+\.\d+\.\d+$/) },
    });
    expect(readFileSync(join(folder, 'src/index.ts'), 'utf8')).toContain('export const sharpEyes = definePlugin');
  });
});

describe('names', () => {
  test.each([
    ['distiller', 'my-own', 'my-own', 'kd-plugin-my-own'],
    ['distiller', 'kd-plugin-own', 'own', 'kd-plugin-own'],
    ['detector', 'own', 'own', 'kd-detector-own'],
    ['teacher', 'kd-teacher-own', 'own', 'kd-teacher-own'],
    ['detector', '@me/own', 'own', '@me/own'],
    ['distiller', '@me/kd-plugin-own', 'own', '@me/kd-plugin-own'],
  ] as const)('%s %s', (kind, given, name, packageName) => {
    expect(naming(kind, given)).toEqual({ name, packageName });
  });

  test.each([
    ['My-Own'],
    ['my own'],
    ['../own'],
    ['.own'],
    ['1own'],
    [''],
    ['@/own'],
    ['@Me/own'],
    ['@me/'],
    ['own-'],
    ['a'.repeat(210)],
  ])('"%s" is refused by name', (given) => {
    expect(() => naming('distiller', given)).toThrow(`"${given}" cannot be the name of a package`);
  });

  test.each([
    ['class', 'classDistiller'],
    ['options', 'optionsDistiller'],
    ['direction', 'directionDistiller'],
    ['my-own', 'myOwn'],
  ])('a constant for %s that is free', (name, constant) => {
    expect(constantName('distiller', name, '// my own words: myOwn\nconst options = {}; const direction = 1;')).toBe(
      constant,
    );
  });
});

describe('the command', () => {
  async function run(
    argv: readonly string[],
    made: Kind = 'distiller',
  ): Promise<{ code: number; output: string; errors: string }> {
    const [out, error] = [process.stdout, process.stderr].map((stream) =>
      vi.spyOn(stream, 'write').mockReturnValue(true),
    );
    const code = await main(made, argv);
    const said = [out, error].map((spy) => spy!.mock.calls.map(([text]) => String(text)).join(''));
    [out, error].forEach((spy) => spy!.mockRestore());
    return { code, output: said[0]!, errors: said[1]! };
  }

  test('takes defaults without a terminal, and says what to type next', async () => {
    const dir = join(empty(), 'there');
    const { code, output } = await run(['--dir', dir, '--yes'], 'detector');
    expect(code).toBe(0);
    expect(output).toMatch(
      /^kd-detector-my-detector: 8 files in .*there\n\n {2}cd .*there\n {2}\w+ install\n {2}\w+ test\n {2}\w+ run train\n$/,
    );
    expect(existsSync(join(dir, 'src/index.ts'))).toBe(true);
  });

  test('refuses a folder that is there, and leaves it alone', async () => {
    const dir = join(empty(), 'there');
    mkdirSync(dir);
    const { code, errors } = await run(['my-own', '--dir', dir]);
    expect([code, errors]).toEqual([
      1,
      `${dir} is there already. Choose another name, or another folder with --dir.\n`,
    ]);
    expect(readdirSync(dir)).toEqual([]);
  });

  test.each([
    [['a', 'b'], 2, /^One name is enough; there are 2: a, b\.\n$/],
    [['a', '--kind', 'engine'], 2, /^--kind engine: there are distiller, detector, teacher\.\n$/],
    [['--colour'], 2, /^Unknown option '--colour'[^]*Usage: pnpm create @kd\/plugin/],
    [['Bad Name'], 1, /^"Bad Name" cannot be the name of a package: .*\n$/],
  ])('%j is one error', async (argv, code, message) => {
    const result = await run(argv);
    expect(result.code).toBe(code);
    expect(result.errors).toMatch(message);
  });
});
