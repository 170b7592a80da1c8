import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GoldenTensors } from './tensors.js';
import { every, type GoldenRoot } from './roots.js';

/** A folder with an `index.json`. */
interface Indexed {
  readonly name: string;
  readonly folder: string;
  readonly index: Readonly<Record<string, unknown>>;
  /** The tensors of a safetensors file of this folder; a file is read once. */
  tensors(file: string): Promise<GoldenTensors>;
}

/** One area of a golden root; `detectors` has its index files one folder deeper, in `members`. */
export interface Area extends Indexed {
  readonly root: GoldenRoot;
  readonly members: readonly DetectorCase[];
}

export type DetectorCase = Indexed;

/** The areas of a root: the folders that hold an `index.json`, or folders that do. */
export function goldenAreas(root: GoldenRoot): Area[] {
  if (root.missing !== null || !existsSync(root.folder)) return [];
  return subfolders(root.folder).flatMap((name) => {
    const folder = join(root.folder, name);
    const members = subfolders(folder)
      .filter((member) => hasIndex(join(folder, member)))
      .map((member) => indexed(member, join(folder, member)));
    return hasIndex(folder) || members.length > 0 ? [{ ...indexed(name, folder), root, members }] : [];
  });
}

/** The cases that an area's `index.json` lists. @throws when it lists none */
export function casesOf<Case>(area: Area, list = 'cases'): readonly Case[] {
  const cases = area.index[list];
  if (!Array.isArray(cases) || cases.length === 0)
    throw new Error(`${join(area.folder, 'index.json')} has no list "${list}" with cases in it.`);
  return (cases as Case[]).filter((_, i) => i % every === 0);
}

/** The detector cases among an area's members (`index.json` names a detector), not its checkpoint samples. */
export const detectorCases = (area: Area): readonly DetectorCase[] =>
  area.members.filter((member) => typeof member.index['detector'] === 'string');

const hasIndex = (folder: string): boolean => existsSync(join(folder, 'index.json'));

/** Links to folders are followed. */
const subfolders = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => !name.startsWith('.') && !name.startsWith('__'))
    .filter((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory() === true)
    .sort();

function indexed(name: string, folder: string): Indexed {
  const file = join(folder, 'index.json');
  const index = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>) : {};
  const read = new Map<string, Promise<GoldenTensors>>();
  return {
    name,
    folder,
    index,
    tensors(file) {
      const path = join(folder, file);
      if (!read.has(path)) read.set(path, GoldenTensors.read(path));
      return read.get(path)!;
    },
  };
}
