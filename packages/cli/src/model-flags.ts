import { classNames } from './data-argument.js';
import type { Flags } from './flags.js';
import type { openModel } from './open-model.js';

/** `--detector` and `--classes`: what a file of another program does not say of itself. @throws KdError USAGE */
export async function modelFlags({ detector, classes }: Flags): Promise<Parameters<typeof openModel>[1]> {
  if (classes === undefined) return { detector };
  const names = await classNames(String(classes));
  return { detector, categories: names.map((name, i) => ({ id: i + 1, name })) };
}
