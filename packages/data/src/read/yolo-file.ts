import { KdError, shown, suggestion, type Category } from '@kd/core/plain';
import { readYamlMap, type YamlValue } from './yaml.js';

/** What a `data.yaml` says, checked for form; paths as they stand. */
export interface YoloFile {
  /** Ids are the file's own, in their order. */
  readonly categories: readonly Category[];
  /** What `path` says, where everything else starts from. */
  readonly path: Placed | null;
  /** Folders and lists of the split that is read. */
  readonly split: readonly Placed[];
  /** Line of `download`. */
  readonly download: number | null;
  /** Columns of a row with key points, where `kpt_shape` says that there are some. */
  readonly poseColumns: number | null;
}

export interface Placed {
  readonly text: string;
  /** File and line, for messages. */
  readonly where: string;
}

/** Keys that are no splits. */
const OTHERS = ['path', 'names', 'nc', 'download', 'kpt_shape', 'flip_idx', 'channels'];

/**
 * Reads the `data.yaml` of a data set in YOLO's form (docs.ultralytics.com/datasets/detect).
 * @throws KdError DATA_INVALID naming file and line
 */
export async function readYoloFile(file: string, split: string): Promise<YoloFile> {
  const entries = await readYamlMap(file);
  const fail: Fail = (line, why) => {
    throw new KdError('DATA_INVALID', `${file}${line === null ? '' : `, line ${line}`}: ${why}.`);
  };
  const names = entries.get('names');
  if (names === undefined)
    return fail(null, '"names" is missing; write the names of the classes as a list, or as a map from ids');
  const categories = categoriesOf(names, fail);
  checkCount(entries.get('nc'), categories, fail);
  const placed = (value: YamlValue, key: string): Placed =>
    value.kind === 'text' && value.text.trim() !== ''
      ? { text: value.text.trim(), where: `${file}, line ${value.line}, "${key}"` }
      : fail(value.line, `"${key}" must be a path`);
  const path = entries.get('path');
  const of = OTHERS.includes(split) ? undefined : entries.get(split);
  if (of === undefined || of.kind === 'nothing') {
    const known = [...entries].flatMap(([key, { kind }]) =>
      !OTHERS.includes(key) && (kind === 'text' || kind === 'list') ? [key] : [],
    );
    const hint = suggestion(split, known);
    const there = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
    return fail(of?.line ?? null, `there is no split "${split}"; ${hint || there}`);
  }
  return {
    categories,
    path: path === undefined || path.kind === 'nothing' ? null : placed(path, 'path'),
    split: of.kind === 'list' ? of.items.map((item) => placed(item, split)) : [placed(of, split)],
    download: entries.get('download')?.line ?? null,
    poseColumns: poseColumns(entries.get('kpt_shape'), fail),
  };
}

type Fail = (line: number | null, why: string) => never;

function categoriesOf(names: YamlValue, fail: Fail): readonly Category[] {
  if (names.kind === 'text')
    return fail(
      names.line,
      `"names" is ${shown(names.text)}; write the names themselves, as a list or as a map from ids`,
    );
  if (names.kind === 'nothing') return fail(names.line, '"names" is empty; write the names of the classes');
  const found =
    names.kind === 'list'
      ? names.items.map((value, id) => ({ id, value }))
      : names.entries.map(([key, value]) => ({ id: idOf(key, fail), value }));
  const seen = new Map<string, number>();
  const categories = found.map(({ id, value }) => {
    if (value.kind !== 'text' || value.text.trim() === '') return fail(value.line, `"names": class ${id} has no name`);
    const other = seen.get(value.text);
    if (other !== undefined)
      return fail(
        value.line,
        `"names": classes ${other} and ${id} both have the name ${shown(value.text)}; names must differ`,
      );
    seen.set(value.text, id);
    return { id, name: value.text };
  });
  return categories.sort((a, b) => a.id - b.id);
}

function idOf({ text, line }: { readonly text: string; readonly line: number }, fail: Fail): number {
  const id = /^(?:0|[1-9]\d*)$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(id)
    ? id
    : fail(line, `"names": ${shown(text)} is no class id; ids are whole numbers from 0`);
}

/** As many as there are names, or up to the last id where ids have gaps. */
function checkCount(nc: YamlValue | undefined, categories: readonly Category[], fail: Fail): void {
  if (nc === undefined || nc.kind === 'nothing') return;
  const said = nc.kind === 'text' ? nc.text : 'no number';
  const last = (categories.at(-1)?.id ?? -1) + 1;
  if (said !== String(categories.length) && said !== String(last))
    fail(nc.line, `"nc" is ${shown(said)}, but "names" has ${categories.length} names; correct the one that is wrong`);
}

function poseColumns(shape: YamlValue | undefined, fail: Fail): number | null {
  if (shape === undefined || shape.kind === 'nothing') return null;
  const [count, values, more] =
    shape.kind === 'list' ? shape.items.map((item) => (item.kind === 'text' ? Number(item.text) : NaN)) : [];
  if (!Number.isSafeInteger(count) || (values !== 2 && values !== 3) || more !== undefined)
    return fail(shape.line, '"kpt_shape" must be [key points, 2 or 3]');
  return 5 + count! * values;
}
