import { existsSync } from 'node:fs';
import { isKdError } from '@kd/core';
import { webgpu } from '@kd/engine-webgpu';
import { describe } from 'vitest';
import { plainAfter } from './plain-after.js';
import { SOFTWARE_CARD } from './software-card.js';

/** Why nothing is tested by WebGPU here, or null. */
async function whyNone(): Promise<string | null> {
  try {
    await webgpu().start();
    return null;
  } catch (error) {
    if (!isKdError(error)) throw error;
    if (process.env['VK_ICD_FILENAMES'] !== undefined || !existsSync(SOFTWARE_CARD)) return error.message;
    process.env['VK_ICD_FILENAMES'] = SOFTWARE_CARD;
    return whyNone();
  }
}
const missing = await whyNone();

/** `describe` for tests that ask for WebGPU: where there is no driver, not even one in software, they are skipped. */
export const describeOnGraphicsCard = (name: string, tests: () => void): void => {
  describe.skipIf(missing !== null)(missing === null ? name : `${name} (skipped: ${missing})`, () => {
    plainAfter();
    tests();
  });
};
