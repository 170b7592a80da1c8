import type { Plan } from '@kd/core';
import { planLines } from '@kd/report';
import { INTERRUPTED } from '../failures.js';
import type { Flags } from '../flags.js';
import { print, printJson } from '../out.js';
import { planConfig } from '../plan-config.js';
import { positiveFlag } from '../positive-flag.js';

/** `kd plan CONFIG`: what a config would train, from some real steps. */
export async function plan(config: string, flags: Flags): Promise<number> {
  const planned = await planConfig(config, flags, {
    steps: positiveFlag(flags, 'steps', 2),
    passImages: positiveFlag(flags, 'passImages', 16),
  });
  if (planned === null) return INTERRUPTED;
  if (flags['json'] === true) printJson({ ok: true, config, ...planned });
  else print(`${config}, after ${stepWords(planned)}; nothing of it is kept`, '', ...planLines(planned));
  return 0;
}

function stepWords({ measured, training }: Plan): string {
  const { length } = measured!.steps;
  if (length === 1) return training.steps === 1 ? 'its only step' : 'one real step';
  return `${length === 2 ? 'two' : length} real steps`;
}
