import { checkDataset, checkText } from '@kd/data';
import { FAILED } from '../failures.js';
import { type Flags, texts } from '../flags.js';
import { print, printJson } from '../out.js';

/** `kd data check --coco JSON --images DIR | --voc ROOT --split NAME`: exit code 0 when the data set is usable. */
export async function checkData(flags: Flags): Promise<number> {
  const { coco, images, voc, split, annotations, classes, dump, strict, json } = flags;
  const options = Object.fromEntries(
    Object.entries({ coco, images, voc, split, annotations, classes, dump }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, texts(value)]],
    ),
  );
  const result = await checkDataset({ ...options, strict: strict === true });
  // As every error of a command under --json: with its code.
  if (json === true) printJson(result.ok ? result : { ...result, error: { code: 'DATA_INVALID', ...result.error } }, 0);
  else print(...checkText(result).split('\n'));
  return result.ok ? 0 : FAILED;
}
