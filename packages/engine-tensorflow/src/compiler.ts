import { KdError } from '@kd/core';
import type { Env, RunCommand } from '@kd/core/wheels';

export interface Compiler {
  readonly command: string;
  readonly version: string;
}

/** The C++ compiler: `CXX`, else the first of g++, c++ and clang++ that runs; null without one. */
export async function findCompiler(env: Env, run: RunCommand): Promise<Compiler | null> {
  for (const command of env.CXX ? [env.CXX] : ['g++', 'c++', 'clang++']) {
    const { code, stdout } = await run(command, ['--version']);
    if (code === 0) return { command, version: stdout.split('\n')[0]!.trim() };
  }
  return null;
}

/** @throws KdError ENGINE_UNAVAILABLE with what to install */
export async function neededCompiler(env: Env, run: RunCommand): Promise<Compiler> {
  const compiler = await findCompiler(env, run);
  if (compiler !== null) return compiler;
  throw new KdError(
    'ENGINE_UNAVAILABLE',
    `the binding to TensorFlow must be compiled once, but ${env.CXX ? `CXX names "${env.CXX}", which does not run` : 'there is no C++ compiler'}. Install one (Debian: apt install g++; Fedora: dnf install gcc-c++; macOS: xcode-select --install), or name it in CXX.`,
  );
}
