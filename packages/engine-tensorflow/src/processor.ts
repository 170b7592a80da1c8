import { existsSync, readFileSync } from 'node:fs';

const CPU_INFO = '/proc/cpuinfo';

const hasFlag = (flags: string, info: string = existsSync(CPU_INFO) ? readFileSync(CPU_INFO, 'utf8') : ''): boolean =>
  new RegExp(`^(flags|Features)\\s*:.*\\b(${flags})\\b`, 'm').test(info);

/** What oneDNN, which computes in bfloat16, may use of the processor: no bfloat16, and no matrices of it. */
const WITHOUT = /^(SSE41|AVX|AVX2|AVX2_VNNI|AVX512_CORE|AVX512_CORE_VNNI)$/i;
const WITHOUT_MATRICES = /^AVX512_CORE_(BF16|FP16)$/i;
const BOUNDS = ['ONEDNN_MAX_CPU_ISA', 'DNNL_MAX_CPU_ISA'] as const;
const bound = (): string => BOUNDS.map((name) => process.env[name]).find(Boolean) ?? '';
const BFLOAT16 = 'avx512_bf16|amx_bf16|bf16';

/**
 * Whether the processor multiplies bfloat16 by itself (AVX-512 BF16, AMX, Arm's BF16), as Linux tells it, and oneDNN
 * may use that.
 */
export const multipliesBfloat16 = (info?: string): boolean => !WITHOUT.test(bound()) && hasFlag(BFLOAT16, info);

/** The variable, `ONEDNN_MAX_CPU_ISA=AVX2`, that keeps oneDNN from the bfloat16 that there is, or null. */
export const forbidsBfloat16 = (info?: string): string | null =>
  WITHOUT.test(bound()) && hasFlag(BFLOAT16, info) ? `${BOUNDS.find((name) => process.env[name])}=${bound()}` : null;

/** Whether it multiplies whole matrices of it (AMX). */
export const multipliesMatricesInBfloat16 = (info?: string): boolean =>
  !WITHOUT.test(bound()) && !WITHOUT_MATRICES.test(bound()) && hasFlag('amx_bf16', info);
