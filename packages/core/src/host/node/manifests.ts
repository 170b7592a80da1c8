import { delimiter, isAbsolute, dirname, join, resolve } from 'node:path';
import * as v from 'valibot';
import { readRegularText } from './regular-file.js';
import { checkText } from '../../members.js';
import type { Manifest, Manifests, SkippedManifest } from '../../plugins/manifest.js';

/** Names of plugins: what can stand in a config, a checkpoint and a log, and is never a path. */
const PLAIN_NAME = /^[A-Za-z0-9][\w.+-]{0,99}$/;

/** Whether a text can be the name of a plugin at all. */
export const isPlainName = (name: string): boolean => PLAIN_NAME.test(name);

/** Names of packages as npm has them: no path, nothing above. */
const PACKAGE_NAME = /^(?:@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*$/i;

export const isPackageName = (name: string): boolean => PACKAGE_NAME.test(name);

const entrySchema = v.object(
  {
    kind: v.picklist(
      ['distiller', 'detector', 'backbone', 'teacher', 'engine', 'preset'],
      'is no kind that this core knows',
    ),
    name: v.pipe(v.string('is no text'), v.regex(PLAIN_NAME, 'is no name (letters, digits and . _ + -, at most 100)')),
    apiVersion: v.pipe(v.number('is no whole number'), v.integer('is no whole number')),
    export: v.optional(v.string('is no text'), 'default'),
  },
  'is no object',
);

/** Manifests of the direct dependencies of the project that holds `folder`; none of their code runs. */
export async function readManifests(folder: string): Promise<Manifests> {
  checkText(folder, 'the folder that plugins are looked up from');
  const project = await projectOf(folder);
  if (project === null) return { project, declared: [], skipped: [] };
  const own = (await readJson(join(project, 'package.json'))) ?? {};
  const names = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((field) =>
    Object.keys((own[field] as object | null | undefined) ?? {}),
  );
  const all = await Promise.all(
    [...new Set(names)]
      .filter(isPackageName)
      .map(async (name) => manifestsOf(name, await dependencyJson(project, name))),
  );
  const declared = all.flatMap((one) => one.declared);
  return {
    project,
    declared: declared.sort((a, b) => a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name)),
    skipped: all.flatMap((one) => one.skipped),
  };
}

/** The manifests that can be used; see {@link readManifests}. */
export const discover = async (folder: string): Promise<readonly Manifest[]> => (await readManifests(folder)).declared;

/** What the package says that `project` has under `name`, a direct dependency or not. */
export const manifestsUnder = async (project: string, name: string): Promise<readonly Manifest[]> =>
  manifestsOf(name, await dependencyJson(project, name)).declared;

/** The folder of the nearest package.json at or above `folder`, or null. */
async function projectOf(folder: string): Promise<string | null> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if ((await readJson(join(at, 'package.json'))) !== null) return at;
    if (dirname(at) === at) return null;
  }
}

async function dependencyJson(project: string, name: string): Promise<Readonly<Record<string, unknown>> | null> {
  const folder = await dependencyFolder(project, name);
  return folder === null ? null : readJson(join(folder, 'package.json'));
}

/**
 * Where Node would find a package of this name, or null. Of NODE_PATH packages of this house alone: pnpm's launcher of
 * `kd` names there what the command line brings with it, its engine.
 */
export async function dependencyFolder(project: string, name: string): Promise<string | null> {
  const places: string[] = [];
  for (let at = project; ; at = dirname(at)) {
    places.push(join(at, 'node_modules'));
    if (dirname(at) === at) break;
  }
  if (name.startsWith('@kd/')) places.push(...(process.env['NODE_PATH'] ?? '').split(delimiter).filter(isAbsolute));
  for (const place of places) {
    const folder = join(place, name);
    if ((await readJson(join(folder, 'package.json'))) !== null) return folder;
  }
  return null;
}

export async function readJson(file: string): Promise<Readonly<Record<string, unknown>> | null> {
  try {
    const json = JSON.parse(await readRegularText(file)) as unknown;
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** Plugins of one package; a list without end would be compared pair by pair. */
const MOST_ENTRIES = 100;

function manifestsOf(
  key: string,
  json: Readonly<Record<string, unknown>> | null,
): { declared: Manifest[]; skipped: SkippedManifest[] } {
  const declared: Manifest[] = [];
  const skipped: SkippedManifest[] = [];
  if (json === null || json['kd'] === undefined) return { declared, skipped };
  const version = textOf(json['version']);
  const entries = [json['kd']].flat() as unknown[];
  if (entries.length > MOST_ENTRIES) {
    const why = `kd has ${entries.length} entries, more than the ${MOST_ENTRIES} that a package may declare`;
    return { declared, skipped: [{ package: key, version, kind: null, name: null, why }] };
  }
  for (const entry of entries) {
    const { success, output, issues } = v.safeParse(entrySchema, entry);
    const parts = v.is(v.record(v.string(), v.unknown()), entry) ? entry : {};
    const skip = (why: string): void =>
      void skipped.push({
        package: key,
        version,
        kind: v.is(entrySchema.entries.kind, parts['kind']) ? parts['kind'] : null,
        name: v.is(entrySchema.entries.name, parts['name']) ? parts['name'] : null,
        why,
      });
    if (!success) skip(issues.map(whyNot).join('; '));
    else if (declared.some(({ kind, name }) => kind === output.kind && name === output.name))
      skip(`it declares the ${output.kind} "${output.name}" twice`);
    else declared.push({ ...output, package: key, version, description: textOf(json['description']) });
  }
  return { declared, skipped };
}

function whyNot(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  return issue.input === undefined ? `kd.${path} is missing` : `kd${path === null ? '' : `.${path}`} ${issue.message}`;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
