import { runCommand } from '@kd/core/wheels';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { findCompiler } from './compiler.js';
import { temporaryFolder } from './testing/fake-machine.js';

const compiler = await findCompiler(process.env, runCommand);

/** Callers who share helpers; each adds up what it asked for. Prints what was wrong, and whether somebody helped. */
const PROGRAM = `
#include <sys/resource.h>
#include <cstdio>
#include <fstream>
#include <vector>
#include "parallel.h"

int main(int, char **given) {
  const int callers = std::atoi(given[1]), rounds = std::atoi(given[2]);
  kd::askedThreads = 4;
  if (given[3] != nullptr) {  // No memory for the stack of another thread.
    long pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t bytes = (pages << 12) + (1 << 20);
    const struct rlimit limit{bytes, bytes};
    setrlimit(RLIMIT_AS, &limit);
  }
  std::atomic<int> wrong{0}, helped{0};
  const auto call = [&](int seed) {
    const auto self = std::this_thread::get_id();
    for (int round = 0; round < rounds; round++) {
      const int64_t count = (seed + round) % 40;
      std::vector<int> times(count, 0);
      kd::parallel(count, 1 << 22, [&](int64_t i) {
        times[i]++;
        if (std::this_thread::get_id() != self) helped++;
        for (volatile int wait = (seed * round + i) % 3000; wait > 0; wait--) {
        }
      });
      for (const int one : times) wrong += one != 1;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < callers; i++) threads.emplace_back(call, i);
  call(0);
  for (std::thread &thread : threads) thread.join();
  std::printf("%d %s", wrong.load(), helped > 0 ? "helped" : "alone");
}`;

describe.skipIf(compiler === null || process.platform !== 'linux')('work on threads that are kept', () => {
  const program = join(temporaryFolder(), 'program');
  beforeAll(async () => {
    writeFileSync(`${program}.cc`, PROGRAM);
    const include = fileURLToPath(new URL('../native', import.meta.url));
    const args = ['-std=c++17', '-O2', '-pthread', `-I${include}`, `${program}.cc`, '-o', program];
    const { code, stderr } = await runCommand(compiler!.command, args);
    expect(code, stderr).toBe(0);
  });

  it('is done once, whoever else has work', async () => {
    expect(await runCommand(program, ['5', '1000'])).toMatchObject({ code: 0, stdout: '0 helped' });
  });

  it('is done by the one who has it where the system has no thread more', async () => {
    expect(await runCommand(program, ['1', '100', 'alone'])).toMatchObject({ code: 0, stdout: '0 alone' });
  });
});
