import { dirname, resolve } from 'node:path';
import { KdError, messageOf, readRegularText } from '@kd/core';
import { type Flags, texts } from './flags.js';

/** Data that the command line names, with the folder that its relative paths start from. */
export interface DataArgument {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly folder: string;
}

/** `--data`, or `--coco` with `--images`, or `--voc` with `--split`; null when none is given. @throws KdError USAGE */
export async function dataArgument({
  data,
  coco,
  images,
  voc,
  split,
  annotations,
  classes,
}: Flags): Promise<DataArgument | null> {
  const given = Object.entries({ '--data': data, '--coco': coco, '--voc': voc }).filter(
    ([, value]) => value !== undefined,
  );
  if (given.length === 0) {
    if (images !== undefined || split !== undefined || annotations !== undefined || classes !== undefined)
      throw new KdError(
        'USAGE',
        '--images belongs to --coco, --split and --annotations to --voc, --classes to either; give these, too.',
      );
    return null;
  }
  if (given.length > 1)
    throw new KdError('USAGE', `give one of ${given.map(([name]) => name).join(' and ')}, not both.`);
  const folder = process.cwd();
  const names = classes === undefined ? {} : { classes: await classNames(String(classes)) };
  if (coco !== undefined) {
    if (images === undefined)
      throw new KdError(
        'USAGE',
        '--coco needs --images, the folder that the file names of the annotations start from.',
      );
    return { spec: { format: 'coco', annotations: texts(coco), images: texts(images), ...names }, folder };
  }
  if (voc !== undefined) {
    if (split === undefined)
      throw new KdError('USAGE', '--voc needs --split, the name of a list in ImageSets/Main such as val.');
    const folders = {
      ...(images === undefined ? {} : { images: String(images) }),
      ...(annotations === undefined ? {} : { annotations: String(annotations) }),
    };
    return { spec: { format: 'voc', root: String(voc), split: String(split), ...folders, ...names }, folder };
  }
  if (classes !== undefined)
    throw new KdError('USAGE', '--classes belongs to --coco and --voc; with --data, write "classes" into it.');
  const text = String(data);
  if (text.trimStart().startsWith('{')) return { spec: specOf(text, '--data'), folder };
  return { spec: specOf(await readText(text), text), folder: dirname(resolve(text)) };
}

const CLASSES_FORM = `--classes must be a JSON list of names, such as '["RBC","WBC"]', or a file with one.`;

/** Class names in order: a JSON list, or a file with one. @throws KdError USAGE */
export async function classNames(argument: string): Promise<string[]> {
  const text = argument.trimStart().startsWith('[') ? argument : await readText(argument, CLASSES_FORM);
  const names = parseJson(text, '--classes');
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string'))
    throw new KdError('USAGE', CLASSES_FORM);
  return names;
}

function specOf(text: string, where: string): Record<string, unknown> {
  const spec = parseJson(text, where) as Record<string, unknown> | null;
  if (typeof spec !== 'object' || typeof spec?.['format'] !== 'string')
    throw new KdError(
      'USAGE',
      `${where}: expected an object with a format, such as {"format":"coco","annotations":"…","images":"…"}.`,
    );
  return spec;
}

async function readText(file: string, form = ''): Promise<string> {
  try {
    return await readRegularText(file);
  } catch (cause) {
    throw new KdError('USAGE', `${file} cannot be read: ${messageOf(cause)}${form === '' ? '' : `. ${form}`}`, {
      cause,
    });
  }
}

export function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new KdError('USAGE', `${where} is no JSON: ${messageOf(cause)}`, { cause });
  }
}
