import { dirname, resolve } from 'node:path';
import { duplicateKey, KdError, messageOf, readRegularText } from '@kd/core';
import { type ShortForm, shortForm } from '@kd/data';
import { type Flags, texts } from './flags.js';

/** Data that the command line names, with the folder that its relative paths start from. */
export interface DataArgument {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly folder: string;
}

/** What belongs to a data set on the command line, besides its classes. */
const SHORT = [
  'coco',
  'voc',
  'yolo',
  'labelme',
  'csv',
  'images',
  'annotations',
  'split',
] as const satisfies (keyof ShortForm)[];

/**
 * `--data`, `--coco` with `--images`, `--voc` with `--split`, `--yolo`, `--labelme` or `--csv`; null without one.
 * @param split of YOLO's form where none is named
 * @throws KdError USAGE
 */
export async function dataArgument({ data, classes, ...flags }: Flags, split = 'val'): Promise<DataArgument | null> {
  const folder = process.cwd();
  const named = shortFlags(flags);
  if (data === undefined) {
    const spec = shortForm(named, split);
    if (spec !== null)
      return {
        spec: { ...spec, ...(classes === undefined ? {} : { classes: await classesOf(spec, String(classes)) }) },
        folder,
      };
    if (classes === undefined) return null;
    throw new KdError('USAGE', '--classes belongs to a data set: give --coco, --voc, --yolo, --labelme or --csv, too.');
  }
  const [other] = classes === undefined ? Object.keys(named) : ['classes'];
  if (other !== undefined)
    throw new KdError('USAGE', `--data holds everything; leave --${other} out, and write what it says into --data.`);
  const text = String(data);
  if (text.trimStart().startsWith('{')) return { spec: specOf(text, '--data'), folder };
  return { spec: specOf(await readText(text), text), folder: dirname(resolve(text)) };
}

/** What flags say of a data set, as texts. */
export const shortFlags = (flags: Flags): ShortForm =>
  Object.fromEntries(SHORT.flatMap((key) => (flags[key] === undefined ? [] : [[key, texts(flags[key])]]))) as ShortForm;

/** A table takes a file of classes itself: it may hold their ids. */
const classesOf = async (spec: DataArgument['spec'], given: string): Promise<string | string[]> =>
  spec['format'] === 'csv' && !given.trimStart().startsWith('[') ? given : classNames(given);

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
  const value = parsed(text, where);
  const twice = duplicateKey(text);
  if (twice === null) return value;
  throw new KdError('USAGE', `${where}: the key "${twice.key}" occurs twice; leave one of the two.`);
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new KdError('USAGE', `${where} is no JSON: ${messageOf(cause)}`, { cause });
  }
}
