import { kernelReplacement } from '@kd/core';

export const { replaceKernel, composeKernel } = kernelReplacement('wasm');
