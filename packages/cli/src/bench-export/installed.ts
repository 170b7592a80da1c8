import { isKdError } from '@kd/core';
import { projectPackage } from '../project-package.js';
import type { Missing } from './runner.js';

/** A package of the project, or what a runner without it says. */
export async function installed<Exports>(
  name: string,
  wanted: string,
  add: string,
): Promise<{ readonly exports: Exports } | Missing> {
  try {
    return { exports: await projectPackage<Exports>(wanted, add) };
  } catch (error) {
    if (!isKdError(error)) throw error;
    return { name, missing: error.message };
  }
}
