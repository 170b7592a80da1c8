// An engine is named by the config, by --engine or by KD_ENGINE, for every command.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { config, kdProcess, type Result, temporaryFolder } from './kd.js';

const file = config('on-cpu.config.ts');
const elsewhere = ['plan', config('on-wasm.config.ts')];
const ON_CPU = /^engine +cpu 4\.\d+\.\d+ on cpu, 1 thread$/m;

async function run(args: readonly string[], named?: string): Promise<Result> {
  const result = await kdProcess(args, { env: { KD_ENGINE: named } });
  expect(result.code, result.stderr).toBe(0);
  return result;
}

test('the plain engine by config, by --engine and by KD_ENGINE', async () => {
  const out = join(temporaryFolder(), 'run');
  const trained = await run(['train', file, '--out', out]);
  expect(trained.stderr).toMatch(ON_CPU);
  expect(trained.stderr, 'advises no back end that is no engine here').not.toContain('tfjs-node');
  expect((await run(elsewhere)).stdout).toMatch(/^engine +wasm .*, at most 4096 MiB of tensors$/m);
  expect((await run([...elsewhere, '--engine', 'cpu'])).stdout).toMatch(ON_CPU);
  expect((await run(elsewhere, 'cpu')).stdout).toMatch(ON_CPU);
  expect(JSON.parse((await run(['eval', out, '--json'], 'cpu')).stdout)).toHaveProperty('engine.name', 'cpu');
  const { stdout } = await kdProcess(['doctor', '--engine', 'cpu']);
  expect(stdout).toMatch(/^engine +cpu, as --engine or KD_ENGINE names it, and it starts$/m);
});
