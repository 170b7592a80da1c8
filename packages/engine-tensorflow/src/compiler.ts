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
