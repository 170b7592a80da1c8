import { KdError } from '@kd/core';
import { parseXml, type XmlElement } from './xml.js';
import type { Box } from './box-rule.js';

/** What a Pascal VOC annotation file holds. */
export interface VocFile {
  readonly filename: string | null;
  /** null: not declared. */
  readonly size: { readonly width: number; readonly height: number } | null;
  readonly objects: readonly VocObject[];
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
 * @throws KdError DATA_INVALID naming file and field
 */
export function readVocFile(source: Uint8Array, file: string): VocFile {
  const root = parseXml(source, file);
  const fail = (field: string, why: string): never => {
    throw new KdError('DATA_INVALID', `${file}: ${field}: ${why}.`);
  };
  if (root.name !== 'annotation') fail(`<${root.name}>`, 'the root of a VOC file is <annotation>');
  const size = only(root, 'size', '', fail);
  return {
    filename: only(root, 'filename', '', fail)?.text.trim() || null,
    size: size === null ? null : { width: side(size, 'width', fail), height: side(size, 'height', fail) },
    objects: root.children
      .filter(({ name }) => name === 'object')
      .map((object, i) => readObject(object, `object ${i + 1}`, fail)),
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
    return number(text) ?? fail(field, `"${text}" is not a number`);
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

function side(size: XmlElement, key: string, fail: Fail): number {
  const text = only(size, key, '', fail)?.text.trim();
  const value = text === undefined ? null : number(text);
  if (value === null || !Number.isInteger(value) || value < 1)
    return fail(
      `<size>, <${key}>`,
      `a whole number above 0 is wanted, there is ${text === undefined ? 'nothing' : `"${text}"`}`,
    );
  return value;
}

/** The whole text as one decimal number, or null. */
function number(text: string): number | null {
  const value = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  return Number.isFinite(value) ? value : null;
}
