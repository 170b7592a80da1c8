import { KdError, suggestion } from '@kd/core/plain';
import { convertWeights, type ConvertedWeights, type WeightNames, writeSafetensors } from '@kd/weights';
import type { Flags } from '../flags.js';
import { print, printJson, tell } from '../out.js';
import { refuseSame } from '../output-file.js';
import { weightsFlags } from '../weights-flags.js';

const NAMES: readonly WeightNames[] = ['kd', 'torchvision', 'mmdet', 'keep'];

/** `kd convert IN OUT.safetensors`: weights of any program as safetensors, under the names that are asked for. */
export async function convert(from: string, to: string, flags: Flags): Promise<number> {
  const names = namesFlag(flags['names'] ?? 'kd');
  if (!to.endsWith('.safetensors'))
    throw new KdError('USAGE', `${to}: safetensors is written; give it a name that ends with .safetensors.`);
  const converted = await convertWeights(from, names, weightsFlags(flags));
  await refuseSame(converted.file, to);
  await writeSafetensors(to, converted.tensors, converted.metadata, flags['half'] === true ? { as: 'F16' } : {});
  const { file, told, notes, leftOut, tensors } = converted;
  if (flags['json'] === true)
    printJson({ ok: true, from: file, to, names, told, tensors: tensors.size, leftOut, notes });
  else {
    tell(...notes.map((note) => `note: ${note}`), ...leftOutLines(leftOut));
    print(`${tensors.size} tensors of ${file} (${told}) in ${to}`);
  }
  return 0;
}

function namesFlag(given: unknown): WeightNames {
  const found = NAMES.find((one) => one === given);
  if (found !== undefined) return found;
  const text = String(given);
  const guess = suggestion(text, NAMES);
  throw new KdError('USAGE', `--names ${text}: ${[guess, `there are ${NAMES.join(', ')}.`].filter(Boolean).join(' ')}`);
}

/** One line a reason, with the first names. */
function leftOutLines(leftOut: ConvertedWeights['leftOut']): string[] {
  return [...new Set(leftOut.map(({ why }) => why))].map((why) => {
    const names = leftOut.flatMap((one) => (one.why === why ? [one.name] : []));
    return `left out: ${names.length} ${why} (${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''})`;
  });
}
