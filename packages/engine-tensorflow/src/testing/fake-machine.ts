import type { CommandResult, Python, RunCommand } from '@kd/core/wheels';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import type { Machine } from '../machine.js';

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'kd-engine-'));

/** A folder that looks like the package folder of a TensorFlow wheel. */
export function fakeLibrary(folder: string, version = '2.19.1', end = '.so.2'): string {
  const include = join(folder, 'include', 'tensorflow');
  mkdirSync(join(include, 'c', 'eager'), { recursive: true });
  mkdirSync(join(include, 'core', 'public'), { recursive: true });
  writeFileSync(join(folder, `libtensorflow_cc${end}`), version);
  writeFileSync(join(folder, `libtensorflow_framework${end}`), version);
  writeFileSync(join(include, 'c', 'eager', 'c_api.h'), '');
  const [major, minor, patch] = version.split('.');
  writeFileSync(
    join(include, 'core', 'public', 'version.h'),
    `#define TF_MAJOR_VERSION ${major}\n#define TF_MINOR_VERSION ${minor}\n#define TF_PATCH_VERSION ${patch}\n`,
  );
  return folder;
}

export const WHEEL_CONTENT = 'a wheel';
export const fakePython = (given: Partial<Python> = {}): Python => ({
  command: 'python3',
  version: '3.11.7',
  tensorflow: null,
  pip: '23.2.1',
  ...given,
});

const ok: CommandResult = { code: 0, stdout: 'g++ 12.2.0\n', stderr: '' };

export interface FakeMachine extends Machine {
  /** Every command that ran, with its first arguments. */
  readonly ran: string[];
}

/**
 * A machine whose pip writes a file, whose unpacking makes a fake library and whose compiler copies nothing but a mark.
 * `answers` replaces what one of them does.
 */
export function fakeMachine(
  given: Partial<Machine> & {
    answers?: Partial<
      Record<
        'pip' | 'unpack' | 'compile' | 'compiler',
        (args: readonly string[]) => CommandResult | Promise<CommandResult>
      >
    >;
  } = {},
): FakeMachine {
  const { answers = {}, ...rest } = given;
  const ran: string[] = [];
  const run: RunCommand = async (command, args) => {
    if (args[0] === '--version') {
      ran.push(`${command} --version`);
      return answers.compiler ? answers.compiler(args) : ok;
    }
    if (args.includes('pip')) {
      ran.push('pip');
      if (answers.pip) return answers.pip(args);
      writeFileSync(join(args[args.indexOf('--dest') + 1]!, 'fake.whl'), WHEEL_CONTENT);
      return ok;
    }
    if (args[0] === '-c') {
      ran.push('unpack');
      if (answers.unpack) return answers.unpack(args);
      fakeLibrary(join(args.at(-1)!, 'tensorflow'));
      return ok;
    }
    ran.push('compile');
    if (answers.compile) return answers.compile(args);
    writeFileSync(args[args.indexOf('-o') + 1]!, 'compiled');
    return ok;
  };
  return {
    env: {},
    platform: 'linux-x64',
    cache: temporaryFolder(),
    run,
    python: async () => fakePython(),
    wheels: [
      {
        requirement: 'tensorflow-cpu==2.19.1',
        sha256: createHash('sha256').update(WHEEL_CONTENT).digest('hex'),
        bytes: WHEEL_CONTENT.length,
      },
    ],
    ...rest,
    ran,
  };
}

/** What lies in a folder, hidden files too. */
export const namesIn = (folder: string): string[] => readdirSync(folder).sort();
