import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { KdError, messageOf } from '../../errors.js';
import { dependencyFolder, isPackageName, readJson } from './manifests.js';

/** The file that importing a package would load, or null where it is not installed. */
export async function entryOf(project: string, name: string): Promise<string | null> {
  // Node would also look into NODE_PATH and the home folder.
  if (isPackageName(name) && (await dependencyFolder(project, name)) === null) return null;
  try {
    return createRequire(join(project, 'package.json')).resolve(name);
  } catch (cause) {
    if (
      (cause as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND' &&
      (await dependencyFolder(project, name)) === null
    )
      return null;
    // Installed, but nothing there for `require`: a package that exports to `import` alone.
    const folder = await dependencyFolder(project, name);
    const exports = (folder === null ? null : await readJson(join(folder, 'package.json')))?.['exports'];
    const entry = importEntry(condition(exports, '.') ?? exports);
    if (folder === null || entry === undefined)
      throw new KdError(
        'PLUGIN_INVALID',
        `${name} is installed but cannot be loaded: ${messageOf(cause)}. Was it built?`,
        { cause },
      );
    return join(folder, entry);
  }
}

const condition = (exports: unknown, name: string): unknown =>
  typeof exports === 'object' && exports !== null ? (exports as Record<string, unknown>)[name] : undefined;

/** As Node does, no target outside of the package. */
function importEntry(entry: unknown): string | undefined {
  if (typeof entry === 'string')
    return entry.startsWith('./') && !entry.split(/[\\/]/).includes('..') ? entry : undefined;
  const inner = condition(entry, 'node') ?? condition(entry, 'import') ?? condition(entry, 'default');
  return inner === undefined ? undefined : importEntry(inner);
}

export async function importFile(name: string, file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    // "Cannot find package 'x'" where it is imported, "Cannot find module 'x'" where it is required; a path is a file
    // of the package itself.
    const missing = /MODULE_NOT_FOUND$/.test((cause as NodeJS.ErrnoException).code ?? '')
      ? /(?:package|module) '((?:@[^'/]+\/)?[^'./][^'/]*)/.exec(messageOf(cause))?.[1]
      : undefined;
    if (missing !== undefined) {
      throw new KdError(
        'PLUGIN_INVALID',
        `${name} needs the package ${missing}, which is not installed beside it. To add it: pnpm add ${missing}`,
        { cause },
      );
    }
    throw new KdError('PLUGIN_INVALID', `${name} could not be imported: ${messageOf(cause)}`.split('\n'), { cause });
  }
}
