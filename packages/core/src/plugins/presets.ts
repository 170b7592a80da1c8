import * as v from 'valibot';
import type { PluginDefinition } from '../contract/plugin.js';
import { resolveUse } from '../run/build.js';
import { configSchema } from '../config.js';
import type { Use } from '../define.js';
import { declaredUnder, importByName } from '#host/discovery';
import { readManifests } from '#host/manifests';
import type { Manifest } from './manifest.js';
import type { DistillerEntry, Preset } from './preset.js';
import { KdError, messageOf } from '../errors.js';

/** A distiller of a run, and the preset that brought it. */
export interface DistillerUse extends Use<PluginDefinition> {
  readonly preset?: string;
}

/**
 * Turns the entries of a config into plugins with options; the name of a preset stands for its whole list.
 * @param student name of the student's detector
 * @param namedBy the file that names them, where no person does
 */
export async function resolveDistillers(
  entries: readonly DistillerEntry[],
  student: string,
  folder: string,
  namedBy?: string,
): Promise<DistillerUse[]> {
  const lists = await Promise.all(
    entries.map(async (entry): Promise<DistillerUse[]> => {
      const manifest = await presetOf(entry, folder);
      if (manifest === undefined) return [await resolveUse<PluginDefinition>('distiller', entry, folder, namedBy)];
      const list = listOf(manifest, await importByName('preset', manifest.name, folder), student);
      if (typeof entry !== 'string') {
        throw new KdError(
          'CONFIG_INVALID',
          `distillers: "${manifest.name}" is a preset and takes no options; write its list with the options that you want instead: ${list.map(written).join(', ')}.`,
        );
      }
      return Promise.all(
        list.map(async (one) => {
          const inner = await presetOf(one, folder);
          if (inner !== undefined)
            throw new KdError(
              'PLUGIN_INVALID',
              `the preset "${manifest.name}" of ${manifest.package} ${manifest.version} lists the preset "${inner.name}"; a preset lists distillers alone.`,
            );
          return { ...(await resolveUse<PluginDefinition>('distiller', one, folder, namedBy)), preset: manifest.name };
        }),
      );
    }),
  );
  return lists.flat();
}

async function presetOf(entry: DistillerEntry, folder: string): Promise<Manifest | undefined> {
  const name = typeof entry === 'string' ? entry : Array.isArray(entry) ? (entry[0] as string) : undefined;
  return name === undefined ? undefined : declaredUnder('preset', name, await readManifests(folder), false);
}

function listOf(
  { name, package: holder, version }: Manifest,
  preset: Preset,
  student: string,
): readonly DistillerEntry[] {
  const who = `the preset "${name}" of ${holder} ${version}`;
  let list: unknown;
  try {
    list = typeof preset === 'function' ? preset(student) : preset;
  } catch (cause) {
    throw new KdError('PLUGIN_INVALID', `${who} threw for the student "${student}": ${messageOf(cause)}`, { cause });
  }
  const result = v.safeParse(configSchema.entries.distillers, list);
  // Without a list, the schema would fill in its default.
  if (!result.success || list === undefined)
    throw new KdError(
      'PLUGIN_INVALID',
      `${who} is no list of distillers: ${result.issues?.map(({ message }) => message).join('; ') ?? 'it is undefined'}.`,
    );
  return result.output;
}

const written = (entry: DistillerEntry): string =>
  typeof entry === 'object' && 'definition' in entry
    ? `${entry.definition.name}(${JSON.stringify(entry.options)})`
    : JSON.stringify(entry);
