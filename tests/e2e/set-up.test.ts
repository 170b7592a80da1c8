// What `npm test`, `npm run demo` and `npm run setup` do on a machine that has Python and a compiler, one of them or
// neither: the script beside stand-ins of all that it starts.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { root, temporaryFolder } from './kd.js';

const PNPM = /const PNPM = 'pnpm@(.+)';/.exec(readFileSync(join(root, 'scripts/setup.mjs'), 'utf8'))![1]!;
const TOOLS = { python3: 'exit 0', 'g++': 'exit 0', pnpm: `[ "$1" != --version ] || echo ${PNPM}` };

/** Each tells that it ran, and the tasks on which engine. */
const PROGRAMS = {
  'packages/core/package.json': '{}',
  'node_modules/typescript-native/bin/tsc': "console.error('ran tsc ' + process.argv.slice(2).join(' '));",
  'scripts/engine.mjs': "console.error('ran engine'); process.exit(Number(process.env.ENGINE_FAILS ?? 0));",
  'scripts/test.mjs':
    'export const run = async (engine) => (await engine, console.log(`tests on ${process.env.KD_ENGINE}`), 7);',
  'examples/demo.mjs': 'console.log(`demo on ${process.env.KD_ENGINE} ${process.argv.slice(2)}`);',
};

/** A fresh checkout, and a search path with these programs and no other. */
function machine(tools: Readonly<Record<string, string>> = TOOLS) {
  const folder = temporaryFolder();
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (const [path, text] of Object.entries(PROGRAMS)) put(path, text);
  for (const path of ['scripts/setup.mjs', 'scripts/kd.mjs', 'examples/demo/help.mjs'])
    cpSync(join(root, path), join(folder, path));
  for (const [name, script] of Object.entries(tools)) {
    put(`bin/${name}`, `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, 'bin', name), 0o755);
  }
  return (task: string[], env: Readonly<Record<string, string>> = {}, script = 'setup.mjs') => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'scripts', script), ...task], {
      env: { PATH: join(folder, 'bin'), ...env },
      encoding: 'utf8',
    });
    return { status, stdout: stdout.trim(), stderr };
  };
}

const without = (...names: (keyof typeof TOOLS)[]) =>
  Object.fromEntries(Object.entries(TOOLS).filter(([name]) => !names.includes(name as keyof typeof TOOLS)));

test('with Python and a compiler TensorFlow is set up', () => {
  const run = machine();
  const first = run(['demo', '--quick']);
  expect(first).toMatchObject({ status: 0, stdout: 'demo on tensorflow --quick' });
  for (const line of [`installing with pnpm@${PNPM}\n`, 'ran tsc -b packages/engine-tensorflow\n', 'ran engine\n'])
    expect(first.stderr).toContain(line);
  expect(run(['test']), 'the exit code of the tests').toMatchObject({ status: 7, stdout: 'tests on undefined' });
  const last = run(['none']);
  expect(last).toMatchObject({ status: 0, stdout: '' });
  expect(last.stderr).toContain('packages: up to date');
});

test('the help of the demo, and kd before the set-up, install nothing', () => {
  const run = machine();
  const help = run(['demo', '--help']);
  expect(help).toMatchObject({ status: 0, stderr: '' });
  expect(help.stdout).toContain('npm run demo -- --quick ');
  const kd = run(['doctor'], {}, 'kd.mjs');
  expect(kd).toEqual({ status: 1, stdout: '', stderr: 'kd is not built here yet: npm run setup, once.\n' });
});

test('what is set up needs neither again', () => {
  const tools = { ...TOOLS, python3: '[ -z "$GONE" ]', 'g++': '[ -z "$GONE" ]' };
  const run = machine(tools);
  expect(run(['none']).status).toBe(0);
  expect(run(['demo'], { GONE: '1' })).toMatchObject({ status: 0, stdout: 'demo on tensorflow' });
});

test.each([
  ['Python', without('python3'), /Python 3 was not found\. .*apt install python3 python3-pip/],
  ['pip', { ...TOOLS, python3: '[ "$1" = --version ]' }, /python3 has no pip\. .*apt install python3-pip/],
  ['a compiler', without('g++'), /No C\+\+ compiler was found\. .*apt install g\+\+/],
  ['Python and a compiler', without('python3', 'g++'), /Python 3 was not found\./],
])('without %s the tests run on WebAssembly, the demo on what there is, and both say why', (_, tools, why) => {
  const run = machine(tools);
  const tested = run(['test']);
  expect(tested).toMatchObject({ status: 7, stdout: 'tests on wasm' });
  expect(tested.stderr).toMatch(why);
  expect(tested.stderr).toMatch(/Going on with WebAssembly, which needs npm alone; .* several times as long\.$/m);
  const shown = run(['demo']);
  expect(shown).toMatchObject({ status: 0, stdout: 'demo on auto' });
  expect(shown.stderr).toMatch(/Going on with a graphics card where there is one, else with WebAssembly/);
  expect(run(['none'])).toMatchObject({ status: 0 });
  expect(tested.stderr + shown.stderr).not.toContain('ran engine');
});

test('an engine that is named is the one, TensorFlow or an error', () => {
  const run = machine(without('python3'));
  const refused = run(['test'], { KD_ENGINE: 'tensorflow' });
  expect(refused).toMatchObject({ status: 1, stdout: '' });
  expect(refused.stderr).toMatch(/\n\nPython 3 was not found\./);
  const named = run(['demo'], { KD_ENGINE: 'cpu' });
  expect(named).toMatchObject({ status: 0, stdout: 'demo on cpu' });
  expect(named.stderr).not.toContain('Python');
});

test('where TensorFlow cannot be set up the demo goes on, and the tests do not', () => {
  const run = machine();
  const shown = run(['demo'], { ENGINE_FAILS: '3' });
  expect(shown).toMatchObject({ status: 0, stdout: 'demo on auto' });
  expect(shown.stderr).toMatch(/Setting TensorFlow up failed \(exit code 3\): .*engine\.mjs\. Going on with/);
  const tested = run(['test'], { ENGINE_FAILS: '3' });
  expect(tested).toMatchObject({ status: 1, stdout: '' });
  expect(tested.stderr).toContain('Setting TensorFlow up failed (exit code 3)');
});

test.each([
  ['without pnpm', without('pnpm')],
  ['with another pnpm', { ...TOOLS, pnpm: 'echo 1.0.0' }],
])('%s the packages are installed by the pinned one, through npm', (_, tools) => {
  const { status, stderr } = machine({ ...tools, npm: 'echo npm $* >&2' })(['none']);
  expect(stderr).toContain(`npm exec --yes --package=pnpm@${PNPM} -- pnpm install --frozen-lockfile`);
  expect(status).toBe(0);
});

test('stops with one message where packages cannot be installed, and for a task that there is not', () => {
  const failing = machine({ ...TOOLS, pnpm: `[ "$1" = --version ] && echo ${PNPM} || exit 5` })(['test']);
  expect(failing).toMatchObject({ status: 1, stdout: '' });
  expect(failing.stderr).toMatch(/\nInstalling the packages failed \(exit code 5\): pnpm install --frozen-lockfile\n$/);
  const unknown = machine()(['tset']);
  expect(unknown).toMatchObject({ status: 1, stdout: '' });
  expect(unknown.stderr).toMatch(/There is no task "tset"; there are demo, test, none\.\n$/);
});
