import { type Category, KdError, shown } from '@kd/core/plain';
import { parseCsv } from './csv-file.js';
import { distinct } from './choose-categories.js';
import { numbered } from './class-names.js';
import { parseJson } from './json.js';
import { readDataText } from './text.js';

/**
 * Classes out of a file: a JSON list of names, which have the ids 1 to K, or rows `name,id`.
 * @throws KdError DATA_INVALID naming file and line
 */
export async function readClassFile(file: string): Promise<readonly Category[]> {
  const source = await readDataText(file);
  if (/^\s*\[/.test(source)) {
    const { value } = parseJson(source, file);
    if (Array.isArray(value) && value.every((name): name is string => typeof name === 'string' && name.trim() !== ''))
      return numbered(distinct(value));
    throw new KdError('DATA_INVALID', `${file}: a JSON list of class names is wanted, like ["cat", "dog"].`);
  }
  const { rows } = parseCsv(source, file);
  const ids = new Map<number, string>();
  const names = new Set<string>();
  for (const [i, { line, fields }] of rows.entries()) {
    const [name = '', text = ''] = fields;
    if (i === 0 && name.toLowerCase() === 'name' && text.toLowerCase() === 'id') continue;
    const id = /^\d+$/.test(text) ? Number(text) : NaN;
    const fail = (why: string): never => {
      throw new KdError('DATA_INVALID', `${file}, line ${line}: ${why}.`);
    };
    if (fields.length !== 2 || name === '' || !Number.isSafeInteger(id))
      fail(`${shown(fields.join(','))} is no row "name,id" with a whole number from 0`);
    if (ids.has(id)) fail(`the id ${id} is that of "${ids.get(id)}" already; ids must differ`);
    if (names.has(name)) fail(`the class "${name}" occurs twice; names must differ`);
    ids.set(id, name);
    names.add(name);
  }
  if (ids.size === 0)
    throw new KdError('DATA_INVALID', `${file} names no class; rows "name,id" or a JSON list are wanted.`);
  return [...ids].map(([id, name]) => ({ id, name })).sort((a, b) => a.id - b.id);
}
