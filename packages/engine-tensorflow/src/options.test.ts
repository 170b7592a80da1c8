import { expect, it, vi } from 'vitest';
import { tensorflow } from './engine.js';
import { multipliesBfloat16, multipliesMatricesInBfloat16 } from './processor.js';

it.each<[object, string]>([
  [{ ownConvolution: false }, 'tensorflow() has no option "ownConvolution"; it has library, '],
  [{ ownConvolutions: 'no' }, 'ownConvolutions must be true or false, not "no".'],
  [{ xla: 1 }, 'xla must be true or false, not 1.'],
  [{ intraOpThreads: 0 }, 'intraOpThreads must be a whole number above 0, not 0.'],
])('refuses %j', (options, why) => {
  expect(() => tensorflow(options)).toThrow(why);
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
  expect(multipliesMatricesInBfloat16(info)).toBe(matrices);
  vi.unstubAllEnvs();
});
