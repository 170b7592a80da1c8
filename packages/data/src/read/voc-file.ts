import { KdError } from '@kd/core/plain';
import type { Box } from './box-rule.js';
import { decimal, side } from './decimal.js';
import { attempt, type TellFault } from './faults.js';
import { parseXml, type XmlElement } from './xml.js';

/** What a Pascal VOC annotation file holds. */
export interface VocFile {
  readonly filename: string | null;
  /** null: not declared, or not in numbers. */
  readonly size: { readonly width: number; readonly height: number } | null;
  /** What <size> says where it declares none. */
  readonly noSize: string | null;
  /** null: one that cannot be used, which was told. */
  readonly objects: readonly (VocObject | null)[];
}

export interface VocObject {
  readonly name: string;
  /** 0-based and continuous: VOC's corners are 1-based and inclusive. */
  readonly box: Box;
  /** VOC's corners the wrong way around or on each other; `box` then means nothing. */
  readonly swapped: string | null;
  readonly difficult: boolean;
}

/**
 * Reads one VOC annotation file (VOC2012 development kit, "Annotations").
 * @param tell takes what is wrong with single objects
 * @throws KdError DATA_INVALID naming file and field
 */
export function readVocFile(source: Uint8Array, file: string, tell: TellFault): VocFile {
  const root = parseXml(source, file);
  const fail = (field: string, why: string): never => {
    throw new KdError('DATA_INVALID', `${file}: ${field}: ${why}.`);
  };
  if (root.name !== 'annotation') fail(`<${root.name}>`, 'the root of a VOC file is <annotation>');
  const size = only(root, 'size', '', fail);
  const [width, height] = ['width', 'height'].map((key) =>
    size === null ? '' : (only(size, key, '<size>', fail)?.text.trim() ?? ''),
  ) as [string, string];
  const declared =
    side(width) === null || side(height) === null ? null : { width: side(width)!, height: side(height)! };
  return {
    filename: only(root, 'filename', '', fail)?.text.trim() || null,
    size: declared,
    noSize: size === null || declared !== null ? null : `<size> says "${width}" by "${height}"`,
    objects: root.children
      .filter(({ name }) => name === 'object')
      .map((object, i) => attempt(tell, () => readObject(object, `object ${i + 1}`, fail))),
  };
}

type Fail = (field: string, why: string) => never;

function readObject(object: XmlElement, place: string, fail: Fail): VocObject {
  const name = only(object, 'name', place, fail)?.text.trim();
  if (name === undefined || name === '')
    return fail(`${place}, <name>`, `the class name is ${name === undefined ? 'missing' : 'empty'}`);
  const bndbox = only(object, 'bndbox', place, fail);
  if (bndbox === null) return fail(`${place} (${name})`, 'it has no <bndbox>');
  const corner = (key: string): number => {
    const field = `${place} (${name}), <${key}>`;
    const text = only(bndbox, key, place, fail)?.text.trim();
    if (text === undefined) return fail(field, 'the corner is missing');
    return decimal(text) ?? fail(field, `"${text}" is not a number`);
  };
  const [xmin, ymin, xmax, ymax] = [corner('xmin'), corner('ymin'), corner('xmax'), corner('ymax')];
  const difficult = only(object, 'difficult', place, fail)?.text.trim() ?? '';
  if (!['', '0', '1'].includes(difficult))
    return fail(`${place} (${name}), <difficult>`, `"${difficult}" is neither 0 nor 1`);
  const swapped =
    xmax <= xmin || ymax <= ymin
      ? `the corners ${xmin},${ymin},${xmax},${ymax} (xmin, ymin, xmax, ymax) are swapped or enclose nothing`
      : null;
  return { name, box: [xmin - 1, ymin - 1, xmax, ymax], swapped, difficult: difficult === '1' };
}

/** The one child of that name, or null. */
function only(parent: XmlElement, name: string, place: string, fail: Fail): XmlElement | null {
  const found = parent.children.filter((child) => child.name === name);
  if (found.length > 1)
    fail(
      `${place === '' ? '' : `${place}, `}<${name}>`,
      `there are ${found.length} of them in <${parent.name}>, one is wanted`,
    );
  return found[0] ?? null;
}
