import { KdError } from '../../errors.js';
import type { Kinds } from '../../plugins/kinds.js';
import type { Manifest, Manifests, PluginKind } from '../../plugins/manifest.js';
import { ownerOf } from '../../plugins/our-packages.js';

/** @throws KdError USAGE always: what a page imports is known when it is bundled */
export async function importByName<K extends PluginKind>(
  kind: K,
  name: string,
  _folder: string,
  namedBy?: string,
  _beside: readonly string[] = [],
): Promise<Kinds[K]> {
  const owner = ownerOf(kind, name);
  const from = owner === undefined ? '' : `, of ${owner},`;
  const said = kind === 'engine' ? '' : ` "${name}"${namedBy === undefined ? '' : `, as ${namedBy} names it,`}`;
  const way =
    kind === 'engine'
      ? 'import the one of @kd/engine-wasm, say, and write engine: wasm() in the config'
      : `import it${from} and write what it returns in the config`;
  throw new KdError('USAGE', `in a browser no ${kind} is found by its name${said}: ${way}.`);
}

/** Nothing was imported by name. */
export const manifestOf = (_definition: object): Manifest | undefined => undefined;

export const declaredUnder = async (
  _kind: PluginKind,
  _name: string,
  _manifests: Manifests,
  _byPackage = true,
): Promise<Manifest | undefined> => undefined;

export const manifestWarnings = async (_manifests: Manifests): Promise<string[]> => [];
