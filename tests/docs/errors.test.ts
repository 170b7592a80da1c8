import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ERROR_CODES } from '@kd/core';
import { expect, test } from 'vitest';
import { root, textOf } from './pages.js';

test('docs/errors.md is what the codes say (else: pnpm docs:errors)', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/errors-page.mjs'), '--check'], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

test('every code has its section, with cause and fix', () => {
  const sections = textOf('docs/errors.md').split(/^## /m).slice(1);
  expect(sections.map((section) => section.split('\n')[0])).toEqual(Object.keys(ERROR_CODES));
  for (const section of sections) expect(section).toMatch(/\*\*Most often:\*\* \S.+\n- \*\*What to do:\*\* \S/);
});
