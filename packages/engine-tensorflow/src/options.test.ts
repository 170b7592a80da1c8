import { expect, it, vi } from 'vitest';
import { tensorflow } from './engine.js';
import { forbidsBfloat16, multipliesBfloat16, multipliesMatricesInBfloat16 } from './processor.js';

it.each<[object, string]>([
  [
    { ownConvolution: false },
    'tensorflow() has no option "ownConvolution"; did you mean "ownConvolutions"? It has library, ',
  ],
  [{ ownConvolutions: 'no' }, 'ownConvolutions must be true or false, not "no".'],
  [{ xla: 1 }, 'xla must be true or false, not 1.'],
  [{ intraOpThreads: 0 }, 'intraOpThreads must be a whole number above 0, not 0.'],
  [{ intraOpThreads: '2' }, 'intraOpThreads must be a whole number above 0, not "2".'],
  [{ interOpThreads: NaN }, 'interOpThreads must be a whole number above 0, not NaN.'],
  [{ cores: 2 }, 'tensorflow() has no option "cores"; '],
])('refuses %j', (options, why) => {
  expect(() => tensorflow(options)).toThrow(why);
});

it.each(['TF_NUM_INTRAOP_THREADS', 'TF_NUM_INTEROP_THREADS'])('does not start with %s=two', async (name) => {
  vi.stubEnv(name, 'two');
  await expect(tensorflow().start()).rejects.toThrow(`${name} must be a whole number, not "two".`);
  vi.unstubAllEnvs();
});

it.each([
  ['', true, true],
  ['AVX2', false, false],
  ['avx512_core', false, false],
  ['AVX512_CORE_BF16', true, false],
  ['AVX512_CORE_AMX', true, true],
])('takes for bfloat16 what oneDNN may use: ONEDNN_MAX_CPU_ISA=%s', (most, vectors, matrices) => {
  vi.stubEnv('ONEDNN_MAX_CPU_ISA', most);
  const info = 'flags\t\t: avx512f avx512_bf16 amx_bf16';
  expect(multipliesBfloat16(info)).toBe(vectors);
  expect(forbidsBfloat16(info)).toBe(vectors ? null : `ONEDNN_MAX_CPU_ISA=${most}`);
  expect(forbidsBfloat16('flags\t\t: avx2'), 'there is none to forbid').toBeNull();
  expect(multipliesMatricesInBfloat16(info)).toBe(matrices);
  vi.unstubAllEnvs();
});
