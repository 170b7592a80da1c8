import { checkDataset, checkText } from '@kd/data';
import { shortFlags } from '../data-argument.js';
import { FAILED } from '../failures.js';
import type { Flags } from '../flags.js';
import { print, printJson } from '../out.js';

/** `kd data check` with a data set as {@link shortFlags} takes it: exit code 0 when the data set is usable. */
export async function checkData(flags: Flags): Promise<number> {
  const { classes, dump, strict, json } = flags;
  const result = await checkDataset({
    ...shortFlags(flags),
    ...(classes === undefined ? {} : { classes: String(classes) }),
    ...(dump === undefined ? {} : { dump: String(dump) }),
    strict: strict === true,
  });
  // As every error of a command under --json: with its code.
  if (json === true) printJson(result.ok ? result : { ...result, error: { code: 'DATA_INVALID', ...result.error } }, 0);
  else print(...checkText(result).split('\n'));
  return result.ok ? 0 : FAILED;
}
