import { isBuiltin } from 'node:module';
import { API_VERSION } from '../../contract/plugin.js';
import { KdError, suggestion } from '../../errors.js';
import { checkMembers, MEMBERS, type Members } from '../../members.js';
import { entryOf, importFile } from './import-package.js';
import { dependencyFolder, isPlainName, manifestsUnder, readManifests } from './manifests.js';
import type { Kinds } from '../../plugins/kinds.js';
import type { Manifest, Manifests, PluginKind, SkippedManifest } from '../../plugins/manifest.js';
import { addCommand, kindsBeside, ourNames, ownerOf } from '../../plugins/our-packages.js';
import { teacherInFile } from '../../teacher-forms.js';

const PREFIX: Readonly<Record<PluginKind, string>> = {
  distiller: 'plugin',
  detector: 'detector',
  backbone: 'backbone',
  teacher: 'teacher',
  engine: 'engine',
  preset: 'plugin',
};

const DEFINED_BY: Partial<Readonly<Record<PluginKind, string>>> = {
  distiller: 'definePlugin',
  detector: 'defineDetector',
  backbone: 'defineBackbone',
  teacher: 'defineTeacher',
};

/**
 * Imports what a name stands for. A name that a person wrote is a declared plugin, else the name of a package that is
 * installed: `@kd/plugin-NAME`, `kd-plugin-NAME` (`detector`, `backbone`, `teacher`, `engine` likewise) or NAME itself.
 * The name of a package stands for the only one of the kind that it declares.
 * @param namedBy the file that the name was read from, where nobody wrote it: then it selects among declared plugins
 *   and packages of this house alone, and is never a path
 * @param beside names that stand in the same place without a package, to be listed with the others
 * @throws KdError PLUGIN_NOT_FOUND listing what is installed; PLUGIN_INVALID, for two packages of one name too
 */
export async function importByName<K extends PluginKind>(
  kind: K,
  name: string,
  folder: string,
  namedBy?: string,
  beside: readonly string[] = [],
): Promise<Kinds[K]> {
  const manifests = await readManifests(folder);
  const project = manifests.project ?? folder;
  const manifest = await declaredUnder(kind, name, manifests, namedBy === undefined);
  for (const candidate of manifest === undefined ? candidates(kind, name, namedBy) : [manifest.package]) {
    const file = await entryOf(project, candidate);
    if (file === null) continue;
    const declared =
      manifest ??
      (isPlainName(name)
        ? (await manifestsUnder(project, candidate)).find((one) => one.kind === kind && one.name === name)
        : undefined);
    if (declared === undefined && namedBy !== undefined) continue;
    if (declared !== undefined && declared.apiVersion !== API_VERSION) throw otherContract(declared);
    const exported = declared?.export ?? 'default';
    const who = declared === undefined ? candidate : `${candidate} ${declared.version}`;
    const definition = definitionOf(kind, who, exported, (await importFile(who, file))[exported]);
    if (declared !== undefined) importedFrom.set(definition, declared);
    return definition;
  }
  throw notFound(kind, name, manifests, namedBy, beside);
}

const importedFrom = new WeakMap<object, Manifest>();

/** The manifest by whose name a definition was imported, or undefined. */
export const manifestOf = (definition: object): Manifest | undefined => importedFrom.get(definition);

/** Packages that may hold a name which no direct dependency declares. */
function candidates(kind: PluginKind, name: string, namedBy: string | undefined): string[] {
  const owner = ownerOf(kind, name);
  if (owner !== undefined) return [owner];
  if (namedBy !== undefined) return [];
  const conventional = isPlainName(name) ? [`@kd/${PREFIX[kind]}-${name}`, `kd-${PREFIX[kind]}-${name}`] : [];
  return [...conventional, name].filter((one) => !isBuiltin(one));
}

/**
 * The one manifest that stands for a name, by its own name or (`byPackage`) by that of its package; undefined where
 * none does.
 * @throws KdError PLUGIN_INVALID where two packages claim the name, or the one that does cannot be used
 */
export async function declaredUnder(
  kind: PluginKind,
  name: string,
  { project, declared, skipped }: Manifests,
  byPackage = true,
): Promise<Manifest | undefined> {
  const kinds = kindsBeside(kind);
  const named = declared.filter((one) => kinds.includes(one.kind) && one.name === name);
  const packaged = byPackage ? declared.filter((one) => one.kind === kind && one.package === name) : [];
  const holders = new Set([...named, ...packaged].map((one) => one.package));
  const owner = ownerOf(kind, name) ?? (await installedOwner(kind, name, project, holders));
  if (holders.size > 0 && owner !== undefined) holders.add(owner);
  if (holders.size > 1) throw clash(kind, name, [...holders], owner);
  const found = named.find((one) => one.kind === kind) ?? (named.length === 0 ? onlyOneOf(name, packaged) : undefined);
  const broken = skipped.find((one) =>
    one.name === name
      ? one.kind === null || kinds.includes(one.kind)
      : byPackage && one.package === name && holders.size === 0,
  );
  if (holders.size === 0 && broken !== undefined) throw unusable(broken);
  return found;
}

/** A package of our names that is there without being a direct dependency: nobody else takes its name over. */
async function installedOwner(
  kind: PluginKind,
  name: string,
  project: string | null,
  holders: ReadonlySet<string>,
): Promise<string | undefined> {
  if (project === null || holders.size === 0 || !isPlainName(name)) return undefined;
  const owner = `@kd/${PREFIX[kind]}-${name}`;
  return (await dependencyFolder(project, owner)) === null ? undefined : owner;
}

function clash(kind: PluginKind, name: string, holders: readonly string[], owner: string | undefined): KdError {
  const whose = owner === undefined ? '' : ` (the name belongs to ${owner})`;
  return new KdError(
    'PLUGIN_INVALID',
    `${holders.join(' and ')} both claim the ${kind} "${name}"${whose}; nothing was loaded. Remove one of them (pnpm remove ${holders.find((one) => one !== owner)!}), or write the name of the package that you mean.`,
  );
}

/** One line for each name that two packages claim, and for each manifest that cannot be used. */
export async function manifestWarnings(manifests: Manifests): Promise<string[]> {
  const warnings = new Set(manifests.skipped.map((one) => `${unusable(one).message} It is left out.`));
  for (const { kind, name } of manifests.declared)
    await declaredUnder(kind, name, manifests, false).catch((error: unknown) => warnings.add((error as Error).message));
  return [...warnings];
}

const unusable = ({ package: holder, version, why }: SkippedManifest): KdError =>
  new KdError(
    'PLUGIN_INVALID',
    `${holder} ${version} cannot be used as a plugin: in its package.json, ${why}. Install another version of it, or tell its authors.`,
  );

function notFound(
  kind: PluginKind,
  name: string,
  { project, declared }: Manifests,
  namedBy: string | undefined,
  beside: readonly string[],
): KdError {
  const kinds = kindsBeside(kind);
  const installed = [...beside, ...declared.filter((one) => kinds.includes(one.kind)).map((one) => one.name)];
  const owner = ownerOf(kind, name);
  const meant = owner === undefined ? suggestion(name, [...new Set([...installed, ...ourNames(kind)])]) : '';
  const lacking = owner ?? ownerOf(kind, /^did you mean "(.+)"\?$/.exec(meant)?.[1] ?? '');
  const isThere = lacking === undefined || declared.some((one) => one.package === lacking);
  return new KdError(
    'PLUGIN_NOT_FOUND',
    [
      `no ${kind} named "${name}" is installed for ${project ?? 'this folder, which belongs to no project'}${namedBy === undefined ? '' : `, as ${namedBy} names it`};`,
      ...(meant === '' ? [] : [meant]),
      ...(kind === 'teacher' ? [teacherInFile(name)].filter((way) => way !== '') : []),
      `Installed: ${installed.join(', ') || 'none'}.`,
      ...(namedBy === undefined
        ? []
        : [
            `A name out of a file stands for ${kind === 'engine' ? 'an' : 'a'} ${kind} that a direct dependency of the project declares, never for a path or another package${kind === 'detector' ? '; name one of your own beside the file (teacher.detector in a config, --detector)' : ''}.`,
          ]),
      ...(isThere ? [] : [`To add it: ${addCommand(lacking)}`]),
    ].join(' '),
  );
}

function otherContract({ package: holder, version, apiVersion }: Manifest): KdError {
  const way =
    apiVersion > API_VERSION
      ? `Bring core up to it (pnpm up --latest @kd/core @kd/cli), or install an older version of ${holder}`
      : `Install a newer version of it: pnpm add ${holder}@latest`;
  return new KdError(
    'PLUGIN_INVALID',
    `${holder} ${version} is built for version ${apiVersion} of the contract, this core speaks ${API_VERSION}. ${way}.`,
  );
}

function onlyOneOf(name: string, declared: readonly Manifest[]): Manifest | undefined {
  if (declared.length < 2) return declared[0];
  throw new KdError(
    'PLUGIN_NOT_FOUND',
    `${name} holds more than one ${declared[0]!.kind}: ${declared.map((one) => one.name).join(', ')}. Write one of these names.`,
  );
}

/** What is imported of each kind; a preset is a list or a function. */
const DEFINITIONS: Readonly<Record<PluginKind, Members>> = {
  distiller: MEMBERS.distiller,
  detector: MEMBERS.detector,
  backbone: MEMBERS.backbone,
  teacher: MEMBERS.teacher,
  engine: MEMBERS.engine,
  preset: {},
};

function definitionOf<K extends PluginKind>(kind: K, name: string, exportName: string, exported: unknown): Kinds[K] {
  if (kind === 'engine' && typeof exported === 'function') {
    const engine = (exported as () => unknown)();
    checkMembers(engine, MEMBERS.engine, `the engine that the export "${exportName}" of ${name} makes`);
    return engine as Kinds[K];
  }
  if (kind === 'preset') {
    if (Array.isArray(exported) || typeof exported === 'function') return exported as unknown as Kinds[K];
    throw new KdError(
      'PLUGIN_INVALID',
      `the export "${exportName}" of ${name} is no preset; it must be a list of distillers, or a function that gives one.`,
    );
  }
  const definition = (exported as { definition?: { kind?: string } } | undefined)?.definition;
  if (definition?.kind !== kind) {
    throw new KdError(
      'PLUGIN_INVALID',
      `the ${exportName === 'default' ? 'default export' : `export "${exportName}"`} of ${name} is no ${kind}; it must be what ${DEFINED_BY[kind]} returns.`,
    );
  }
  checkMembers(definition, DEFINITIONS[kind], `the ${kind} that ${name} exports as "${exportName}"`);
  return definition as unknown as Kinds[K];
}
