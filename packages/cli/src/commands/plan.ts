import { planLines } from '@kd/report';
import { INTERRUPTED } from '../failures.js';
import type { Flags } from '../flags.js';
import { print, printJson } from '../out.js';
import { planConfig } from '../plan-config.js';
import { positiveFlag } from '../positive-flag.js';

/** `kd plan CONFIG`: what a config would train, from two real steps. */
export async function plan(config: string, flags: Flags): Promise<number> {
  const planned = await planConfig(config, flags, { steps: 2, passImages: positiveFlag(flags, 'passImages', 16) });
  if (planned === null) return INTERRUPTED;
  if (flags['json'] === true) printJson({ ok: true, config, ...planned });
  else
    print(
      `${config}, after ${planned.measured!.steps.length === 1 ? 'its only step' : 'two real steps'}; nothing of it is kept`,
      '',
      ...planLines(planned),
    );
  return 0;
}
