import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root, temporaryFolder } from './kd.js';
import { codeOf, shownCode } from './page-code.js';

// That what they write builds, tests green, trains and can be published is in install.test.ts, from a registry.

/** Makes a package with the built command. */
function made(command: string, name: string, ...more: readonly string[]): string {
  const parent = temporaryFolder();
  const bin = join(root, 'packages', command, 'dist/bin.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, name, ...more], {
    cwd: parent,
    encoding: 'utf8',
  });
  expect(status, `${stdout}\n${stderr}`).toBe(0);
  return join(parent, name);
}

const file = (folder: string, path: string): string => readFileSync(join(folder, path), 'utf8');

describe('pnpm create @kd/plugin', () => {
  const page = codeOf('docs/writing-a-plugin.md', 'json').map(({ code }) => JSON.parse(code) as Record<string, object>);

  test('writes the plugin of the page, its test, and a manifest that says no less', () => {
    const folder = made('create-plugin', 'cosine');
    expect(file(folder, 'src/index.ts')).toBe(shownCode('cosine.ts'));
    expect(file(folder, 'src/index.test.ts')).toBe(shownCode('cosine.suite.ts').replace('./cosine.js', './index.js'));
    const { exports: _, description: _description, ...shown } = page[0]!;
    expect(JSON.parse(file(folder, 'package.json'))).toMatchObject(shown);
    expect(JSON.parse(file(folder, 'tsconfig.json'))).toEqual(page[1]);
  });
});

describe('pnpm create @kd/plugin --kind teacher', () => {
  test('writes the teacher of the page and its test, for students to learn from', () => {
    const folder = made('create-plugin', 'pooled', '--kind', 'teacher');
    expect(file(folder, 'src/index.ts')).toBe(shownCode('pooled.ts'));
    expect(file(folder, 'src/index.test.ts')).toContain(codeOf('docs/writing-a-teacher.md', 'ts').at(-1)!.code.trim());
    expect(JSON.parse(file(folder, 'package.json'))).toMatchObject({
      name: 'kd-teacher-pooled',
      keywords: ['kd-teacher'],
      kd: { kind: 'teacher', name: 'pooled', apiVersion: 1 },
    });
  });
});

describe('pnpm create @kd/detector', () => {
  test('writes the detector of the page', () =>
    expect(file(made('create-detector', 'squares'), 'src/index.ts')).toBe(shownCode('squares.ts')));
});
