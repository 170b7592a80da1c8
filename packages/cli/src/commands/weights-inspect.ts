import { shown } from '@kd/core/plain';
import { columns } from '@kd/report';
import { type DescribedNames, describeNames, openWeights, type WeightsFile } from '@kd/weights';
import type { Flags } from '../flags.js';
import { print, printJson } from '../out.js';
import { weightsFlags } from '../weights-flags.js';

/** `kd weights inspect FILE`: what a file of weights holds, of whatever program; none of its numbers is read. */
export async function inspectWeights(file: string, flags: Flags): Promise<number> {
  const { key, ...meant } = weightsFlags(flags);
  const weights = await openWeights(file, { key });
  const names = describeNames(weights, meant);
  if (flags['json'] === true) {
    const { container, tensors, meta, notes } = weights;
    printJson({ ok: true, file, container, key: weights.key, ...names, tensors: asJson(tensors), meta, notes });
  } else print(...lines(weights, names));
  return 0;
}

/** By name; `refused` where nobody can have the numbers. */
const asJson = (tensors: WeightsFile['tensors']): Record<string, unknown> =>
  Object.fromEntries(
    [...tensors].map(([name, { shape, dtype, refused }]) => [
      name,
      { shape, dtype, ...(refused === null ? {} : { refused }) },
    ]),
  );

const CONTAINERS: Readonly<Record<WeightsFile['container'], string>> = {
  safetensors: 'safetensors',
  zip: 'torch, zip container',
  legacy: 'torch, the container from before 1.6 (legacy)',
  tar: 'torch, the container from before 0.1.10 (tar)',
};

function lines(
  { file, container, key, tensors, meta, notes }: WeightsFile,
  { map, told, needs, model }: ReturnType<typeof describeNames>,
): string[] {
  const rows = [...tensors].map(([name, { shape, dtype, refused }]) => [
    name,
    `[${shape.join(', ')}]`,
    refused === null ? dtype : `${dtype} (${refused}: cannot be read)`,
  ]);
  const said = typeof meta === 'object' && meta !== null ? Object.entries(meta) : [];
  return [
    file,
    `container  ${CONTAINERS[container]}`,
    `weights    ${tensors.size} tensors${key === null ? '' : ` under "${key}"`}`,
    `names      ${map === null ? 'no map fits: ' : `${map}: `}${told.replaceAll('\n', ' ')}`,
    ...(model === null ? [] : modelLines(model)),
    ...needs.map((one) => `options    ${one}`),
    ...notes.map((note) => `note       ${note}`),
    ...said.map(([name, value]) => `meta       ${name}: ${shown(value, 100)}`),
    '',
    ...columns(rows, 3),
  ];
}

/** What names and shapes tell of the model, as a config would say it. */
function modelLines({ backbone, version, classes }: NonNullable<DescribedNames['model']>): string[] {
  const parts = [
    ...(backbone === null ? [] : [`backbone: ${JSON.stringify(backbone)}`]),
    ...(version === null ? [] : [`version: ${version}`]),
    ...(classes === null ? [] : [`${classes} classes`]),
  ];
  return parts.length === 0 ? [] : [`model      ${parts.join(', ')}`];
}
