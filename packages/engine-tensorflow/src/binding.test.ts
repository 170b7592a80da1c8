import { mkdirSync, readdirSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { bindingPlan, compileBinding } from './binding.js';
import { libraryAt, type Library } from './library.js';
import { fakeLibrary, fakeMachine, namesIn, temporaryFolder } from './testing/fake-machine.js';

const quiet = () => {};
const library = (version?: string): Library => libraryAt(fakeLibrary(temporaryFolder(), version)) as Library;

it('compiles once, and again only for another library', async () => {
  const machine = fakeMachine();
  const one = library();
  const file = await compileBinding(one, machine, quiet);
  expect(await compileBinding(one, machine, quiet)).toBe(file);
  expect(machine.ran.filter((what) => what === 'compile')).toHaveLength(1);
  expect(await compileBinding(library('2.21.0'), machine, quiet)).not.toBe(file);
  expect(namesIn(machine.cache)).toHaveLength(2);
});

it('names the file after all that goes in: a library that was replaced in place is compiled for anew', () => {
  const one = library();
  const before = bindingPlan(one, '/cache', 'linux-x64').file;
  expect(bindingPlan(one, '/cache', 'linux-x64').file).toBe(before);
  expect(before).toMatch(/^\/cache\/binding-tf2\.19\.1-napi8-[0-9a-f]{16}\/kd_tensorflow\.node$/);
  utimesSync(join(one.folder, 'libtensorflow_cc.so.2'), new Date(0), new Date(0));
  expect(bindingPlan(one, '/cache', 'linux-x64').file).not.toBe(before);
});

it('links against the very library and finds it again when it is loaded', () => {
  const one = library();
  const args = bindingPlan(one, '/cache', 'linux-x64').args('out.node');
  expect(args).toContain(`-Wl,-rpath,${one.folder}`);
  expect(args).toContain(join(one.folder, 'libtensorflow_cc.so.2'));
  const own = fileURLToPath(new URL('../native', import.meta.url));
  expect(args.filter((arg) => arg.endsWith('.cc'))).toEqual(
    readdirSync(own)
      .filter((name) => name.endsWith('.cc'))
      .sort()
      .map((name) => join(own, name)),
  );
});

it('leaves the functions of Node open where the linker of macOS would not', () => {
  const one = libraryAt(fakeLibrary(temporaryFolder(), '2.19.1', '.2.dylib')) as Library;
  const args = bindingPlan(one, '/cache', 'darwin-arm64').args('out.node');
  expect(args.slice(-2)).toEqual(['-undefined', 'dynamic_lookup']);
  expect(args).toContain(join(one.folder, 'libtensorflow_framework.2.dylib'));
  expect(bindingPlan(one, '/cache', 'linux-arm64').args('out.node')).not.toContain('dynamic_lookup');
});

it('says what to install without a compiler', async () => {
  const none = () => ({ code: null, stdout: '', stderr: 'ENOENT' });
  const machine = fakeMachine({ answers: { compiler: none } });
  await expect(compileBinding(library(), machine, quiet)).rejects.toThrow(
    'there is no C++ compiler. Install one (Debian: apt install g++',
  );
  expect(machine.ran).toEqual(['g++ --version', 'c++ --version', 'clang++ --version']);
  await expect(
    compileBinding(library(), fakeMachine({ env: { CXX: 'icpc' }, answers: { compiler: none } }), quiet),
  ).rejects.toThrow('CXX names "icpc", which does not run');
});

it('hands on the errors of the compiler and keeps nothing', async () => {
  const machine = fakeMachine({
    answers: {
      compile: () => ({
        code: 1,
        stdout: '',
        stderr: 'In file included from x.cc\nx.cc:1:10: fatal error: c_api.h: No such file\ncompilation terminated.',
      }),
    },
  });
  await expect(compileBinding(library(), machine, quiet)).rejects.toThrow(
    /could not be compiled by g\+\+ \(g\+\+ 12\.2\.0\) against .*\nx\.cc:1:10: fatal error: c_api\.h: No such file$/,
  );
  expect(namesIn(machine.cache)).toEqual([]);
});

it('refuses a folder with the library and without its headers', () => {
  const bare = temporaryFolder();
  mkdirSync(join(bare, 'include'));
  fakeLibrary(join(bare, 'with'));
  expect(libraryAt(bare)).toContain('holds no libtensorflow_cc.so.2');
  expect(libraryAt(join(dirname(bare), 'not-there'))).toContain('does not exist');
});
