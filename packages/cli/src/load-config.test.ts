import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadConfig } from './load-config.js';

// Inside of this package, so that `@kd/core` resolves as it does in a project.
const scratch = fileURLToPath(new URL('../node_modules/.kd-test', import.meta.url));
function write(files: Readonly<Record<string, string>>): string {
  mkdirSync(scratch, { recursive: true });
  const folder = mkdtempSync(join(scratch, 'config-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

test('a TypeScript config with imports, of TypeScript and of packages, shares the packages of the program', () => {
  const folder = write({
    'kd.config.ts':
      "import { KdError, defineConfig } from '@kd/core';\nimport { epochs } from './more.js';\nexport default defineConfig({ epochs, extra: { KdError } } as never);",
    'more.ts': 'export const epochs: number = 3;',
    // Plain Node, as the command runs: a test runner has copies of its own. A second copy of core, or of TensorFlow.js
    // below it, would share neither kernels nor services.
    'program.mjs': `import { KdError } from '@kd/core';\nimport { loadConfig } from ${JSON.stringify(new URL('../dist/load-config.js', import.meta.url).href)};\nconst { config, folder } = await loadConfig('kd.config.ts');\nconsole.log(config.epochs, config.extra.KdError === KdError, folder === process.cwd());`,
  });
  const { stdout, stderr } = spawnSync(process.execPath, ['program.mjs'], { cwd: folder, encoding: 'utf8' });
  expect(stdout, stderr).toBe('3 true true\n');
});

test('JSON, and no settings from anywhere else', async () => {
  const folder = write({
    'kd.config.json': '{"epochs":2}',
    'kd.config.ts': 'export default { epochs: 9 }',
    '.configrc': 'epochs=5\nseed=4',
    'package.json': '{"name":"x","config":{"seed":8}}',
  });
  expect((await loadConfig(join(folder, 'kd.config.json'))).config).toEqual({ epochs: 2 });
});

test.each([
  ['cut.json', '{"epochs":', 'CONFIG_NOT_FOUND'],
  ['list.json', '[1]', 'CONFIG_INVALID'],
  ['twice.json', '{"epochs":1,"data":{"val":1,"val":2}}', 'CONFIG_INVALID'],
  ['empty.ts', 'export {};', 'CONFIG_INVALID'],
  ['throws.ts', 'throw new Error("set KD_DATA");', 'CONFIG_NOT_FOUND'],
])('%s is refused', async (name, text, code) => {
  await expect(loadConfig(join(write({ [name]: text }), name))).rejects.toMatchObject({
    code,
    message: expect.stringContaining(name) as string,
  });
});
