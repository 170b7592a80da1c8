import { existsSync, readFileSync } from 'node:fs';

const CPU_INFO = '/proc/cpuinfo';

const hasFlag = (flags: string, info: string = existsSync(CPU_INFO) ? readFileSync(CPU_INFO, 'utf8') : ''): boolean =>
  new RegExp(`^(flags|Features)\\s*:.*\\b(${flags})\\b`, 'm').test(info);

/** Whether the processor multiplies bfloat16 by itself (AVX-512 BF16, AMX, Arm's BF16), as Linux tells it. */
export const multipliesBfloat16 = (info?: string): boolean => hasFlag('avx512_bf16|amx_bf16|bf16', info);

/** Whether it multiplies whole matrices of it (AMX). */
export const multipliesMatricesInBfloat16 = (info?: string): boolean => hasFlag('amx_bf16', info);
