import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { bin, config, kdProcess, root, temporaryFolder } from './kd.js';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('killed at random moments and in the middle of a checkpoint, a run loses nothing and leaves nothing behind', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'scripts/kill-test.mjs'), '--kills', '2', '--writes', '1'],
    { encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^2 kills in \d+ lives, 1 of them inside of a checkpoint's write; .* each of them bit-equal/m);
  expect(status).toBe(0);
});

test('a second training in the folder is refused, and the first goes on', async () => {
  const out = join(folder, 'two');
  // Longer than the second takes to start: the first is stopped when that one has ended.
  const train = ['train', config('killed.config.ts'), '--out', out, '--epochs', '500'];
  let second: ReturnType<typeof kdProcess> | undefined;
  const first = await kdProcess(train, {
    onStderr: (text, kill) => {
      if (second !== undefined || !text.includes('step 1/2000')) return;
      second = kdProcess(train);
      void second.then(() => kill('SIGINT'));
    },
  });
  expect(await second).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /\[RUN_FOLDER\] another training writes to .*: process \d+ on .*, since \d{4}-/,
    ) as string,
  });
  expect(first.code).toBe(130);
  expect(Number(/stopped after step (\d+)/.exec(first.stderr)?.[1])).toBeGreaterThan(1);
  expect(readdirSync(out)).not.toContain('run.lock');
});

test('a reader that goes away stops a run with a checkpoint, as Ctrl-C does', async () => {
  const out = join(folder, 'piped');
  // Nine lines: the head of the run, and its first steps.
  const shell = `"$0" "$1" train "$2" --out "$3" 2>&1 | head -n 9; exit \${PIPESTATUS[0]}`;
  const child = spawn('bash', ['-c', shell, process.execPath, bin, config('killed.config.ts'), out], { cwd: root });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  expect(await new Promise((done) => child.on('close', done))).toBe(130);
  expect(said.split('\n')).toHaveLength(10);
  expect(readdirSync(join(out, 'checkpoints')).at(-1)).toMatch(/^step-0/);
  expect(existsSync(join(out, 'summary.json'))).toBe(false);
  expect(readdirSync(out)).not.toContain('run.lock');
});
