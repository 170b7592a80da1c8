import { isFolder, KdError, resolveEngine, startedEngine } from '@kd/core';
import { columns } from '@kd/report';
import { engineChoice } from '../engine-choice.js';
import type { Flags } from '../flags.js';
import { print, printJson } from '../out.js';
import { projectPackage } from '../project-package.js';
import { type Listing, onnxListing, tfjsListing } from '../teacher-listing.js';

/**
 * `kd teacher inspect MODEL`: the tensors of a file of ONNX, or of a model of TensorFlow.js, that a student can learn
 * from, the fitting ones first.
 */
export async function inspectTeacher(file: string, flags: Flags): Promise<number> {
  const size = sizeOf(flags['size']);
  const isTfjs = /\.json$/i.test(file) || (await isFolder(file));
  const { found, listing } = await (isTfjs ? inTfjs(file, size) : inOnnx(file, size));
  if (flags['json'] === true) printJson({ ok: true, ...found, config: listing.config });
  else print(...lines(listing));
  return 0;
}

type Size = readonly [number, number] | undefined;

async function inOnnx(file: string, size: Size) {
  const { inspectOnnx } = await projectPackage<typeof import('@kd/teacher-onnx')>(
    '@kd/teacher-onnx',
    'pnpm add -D --ignore-scripts @kd/teacher-onnx onnxruntime-node',
  );
  const found = await inspectOnnx(file, size);
  return { found, listing: onnxListing(found) };
}

async function inTfjs(file: string, size: Size) {
  const { inspectTfjs } = await projectPackage<typeof import('@kd/teacher-tfjs')>(
    '@kd/teacher-tfjs',
    'pnpm add -D @kd/teacher-tfjs',
  );
  await startedEngine(await resolveEngine(engineChoice() ?? 'auto', process.cwd()));
  const found = await inspectTfjs(file, size);
  return { found, listing: tfjsListing(found) };
}

/** `224` or `480x640`, height first. */
function sizeOf(size: unknown): Size {
  if (size === undefined) return undefined;
  const [, height, width = height] = /^([1-9]\d{0,4})(?:[x,]([1-9]\d{0,4}))?$/.exec(String(size)) ?? [];
  if (height !== undefined) return [Number(height), Number(width)];
  throw new KdError('USAGE', `--size ${String(size)}: pixels are meant, 224 or 480x640 (height first).`);
}

function lines(listing: Listing): string[] {
  const { file, from, input, size, notes, maps } = listing;
  return [
    file,
    `from       ${from}`,
    `input      ${input}; strides are of an image of ${size.join(' × ')}`,
    ...notes.map((note) => `note       ${note}`),
    '',
    ...(maps.length === 0 ? ['no tensor is a map of the image: nothing here can be a tap'] : table(maps)),
    ...(maps.some(({ fits }) => fits) ? ['', 'In a config:', '', ...configLines(listing)] : []),
  ];
}

const table = (maps: Listing['maps']): string[] =>
  columns(
    [
      ['fits', 'tensor', 'layout', 'channels', 'stride', 'map', 'op'],
      ...maps.map(({ fits, tensor, layout, channels, stride, height, width, op }) => [
        fits ? 'yes' : '',
        tensor,
        layout,
        String(channels),
        String(stride),
        `${height} × ${width}`,
        op,
      ]),
    ],
    7,
  );

function configLines({ kind, config: { model, input, taps } }: Listing): string[] {
  const rule = Object.entries(input).map(
    ([key, value]) =>
      `${key}: ${Array.isArray(value) ? `[${value.join(', ')}]` : typeof value === 'string' ? quoted(value) : String(value)}`,
  );
  return [
    `  teacher: ['${kind}', {`,
    `    model: ${quoted(model)},`,
    `    input: { ${rule.join(', ')} }, // the file does not tell these: write what this network was trained with`,
    '    taps: {',
    ...Object.entries(taps).map(([name, tensor]) => `      ${name}: ${quoted(tensor)},`),
    '    },',
    '  }],',
  ];
}

const quoted = (text: string): string => `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
