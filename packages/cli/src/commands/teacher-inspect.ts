import { KdError } from '@kd/core';
import { columns } from '@kd/report';
import type { Inspection, ListedMap } from '@kd/teacher-onnx';
import type { Flags } from '../flags.js';
import { print, printJson } from '../out.js';
import { projectPackage } from '../project-package.js';

/** `kd teacher inspect FILE`: the tensors of a file of ONNX that a student can learn from, the fitting ones first. */
export async function inspectTeacher(file: string, flags: Flags): Promise<number> {
  const { inspectOnnx } = await projectPackage<typeof import('@kd/teacher-onnx')>(
    '@kd/teacher-onnx',
    'pnpm add -D --ignore-scripts @kd/teacher-onnx onnxruntime-node',
  );
  const found = await inspectOnnx(file, sizeOf(flags['size']));
  if (flags['json'] === true) printJson({ ok: true, ...found, config: configOf(found) });
  else print(...lines(found));
  return 0;
}

/** `224` or `480x640`, height first. */
function sizeOf(size: unknown): readonly [number, number] | undefined {
  if (size === undefined) return undefined;
  const [, height, width = height] = /^([1-9]\d{0,4})(?:[x,]([1-9]\d{0,4}))?$/.exec(String(size)) ?? [];
  if (height !== undefined) return [Number(height), Number(width)];
  throw new KdError('USAGE', `--size ${String(size)}: pixels are meant, 224 or 480x640 (height first).`);
}

/** What would stand in a config. How a network was trained is nowhere in its file: mean and std are ImageNet's. */
const configOf = ({ file, maps, size, input }: Inspection) => ({
  model: file,
  input: {
    ...(input.height === null && input.width === null ? { minSize: 320, maxSize: 533 } : { fixedSize: size }),
    ...(input.dtype === 'uint8'
      ? { range: 255, mean: [0, 0, 0], std: [1, 1, 1] }
      : { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }),
    ...(input.layout === 'NHWC' ? { layout: 'nhwc' } : {}),
  },
  taps: Object.fromEntries(maps.filter(({ fits }) => fits).map(({ stride, tensor }) => [tapName(stride), tensor])),
});

function lines(found: Inspection): string[] {
  const { file, producer, opset, input, size, notes, maps } = found;
  const channels = input.layout === 'NCHW' ? [3, input.height, input.width] : [input.height, input.width, 3];
  const axes = [input.batch, ...channels].map((one) => one ?? '?').join(', ');
  const fitting = maps.filter(({ fits }) => fits);
  return [
    file,
    `from       ${producer === '' ? 'an unknown program' : producer}, opset ${opset}`,
    `input      ${input.name}: ${input.dtype} [${axes}] ${input.layout}; strides are of an image of ${size.join(' × ')}`,
    ...notes.map((note) => `note       ${note}`),
    '',
    ...(maps.length === 0 ? ['no tensor is a map of the image: nothing here can be a tap'] : table(maps)),
    ...(fitting.length === 0 ? [] : ['', 'In a config:', '', ...configLines(found)]),
  ];
}

const table = (maps: readonly ListedMap[]): string[] =>
  columns(
    [
      ['fits', 'tensor', 'layout', 'channels', 'stride', 'map', 'op'],
      ...maps.map(({ fits, tensor, layout, channels, stride, height, width, skip, op }) => [
        fits ? 'yes' : '',
        tensor,
        skip === 0 ? layout : `${layout} behind ${skip}`,
        String(channels),
        String(stride),
        `${height} × ${width}`,
        op,
      ]),
    ],
    7,
  );

function configLines(found: Inspection): string[] {
  const { model, input, taps } = configOf(found);
  const rule = Object.entries(input).map(
    ([key, value]) =>
      `${key}: ${Array.isArray(value) ? `[${value.join(', ')}]` : typeof value === 'string' ? quoted(value) : String(value)}`,
  );
  return [
    "  teacher: ['onnx', {",
    `    model: ${quoted(model)},`,
    `    input: { ${rule.join(', ')} }, // the file does not tell these: write what this network was trained with`,
    '    taps: {',
    ...Object.entries(taps).map(([name, tensor]) => `      ${name}: ${quoted(tensor)},`),
    '    },',
    '  }],',
  ];
}

/** As papers call the outputs of stages: c3 has a stride of 8. */
const tapName = (stride: number): string =>
  Number.isInteger(Math.log2(stride)) ? `c${Math.log2(stride)}` : `stride${stride}`;

const quoted = (text: string): string => `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
