import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constantName, type Kind, naming } from './naming.js';
import { versionOf } from './versions.js';

export interface CreateOptions {
  readonly kind: Kind;
  /** `my-distiller`, or with a scope: `@me/my-distiller`. */
  readonly name: string;
  /** Where; a folder of the name unless said. */
  readonly folder?: string | undefined;
  readonly description?: string | undefined;
}

export interface Created {
  readonly folder: string;
  readonly packageName: string;
  readonly files: readonly string[];
}

/** The folder that a name leads to unless another is said. */
export const folderOf = (name: string): string => name.replace(/^@[^/]*\//, '');

/**
 * Writes a package for a distiller, a detector or a teacher that builds, tests and trains as it is. All of it or
 * nothing: the folder appears when it is whole.
 * @throws Error when the name will not do, or the folder is there already
 */
export function create({ kind, name: given, folder = folderOf(given), description }: CreateOptions): Created {
  const { name, packageName } = naming(kind, given);
  const target = resolve(folder);
  if (existsSync(target))
    throw new Error(`${target} is there already. Choose another name, or another folder with --dir.`);
  const files = render(kind, name, packageName, description ?? `The ${kind} ${name} for @kd`);
  const unfinished = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  try {
    for (const [path, text] of files) {
      const file = join(unfinished, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    renameSync(unfinished, target);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return { folder: target, packageName, files: [...files.keys()] };
}

/** The files of a template by path, with everything in double braces filled in. */
function render(kind: Kind, name: string, packageName: string, description: string): Map<string, string> {
  const templates = ['common', kind].flatMap(templatesOf).sort(([a], [b]) => (a < b ? -1 : 1));
  const code = templates.flatMap(([path, text]) => (path.endsWith('.ts.tpl') ? [text] : []));
  const constant = constantName(kind, name, code.join('\n'));
  const values: Readonly<Record<string, string>> = {
    name,
    package: packageName,
    description,
    camel: constant,
    Camel: constant[0]!.toUpperCase() + constant.slice(1),
    year: String(new Date().getFullYear()),
  };
  const fill = (path: string, text: string): string =>
    text.replaceAll(/\{\{([=^]?)([^{}]+)\}\}/g, (_, range: string, key: string) => {
      if (range !== '') return `${range === '^' ? '^' : ''}${versionOf(key)}`;
      // In JSON a quotation mark of a description would end its string.
      return path.endsWith('.json.tpl') ? JSON.stringify(values[key]).slice(1, -1) : values[key]!;
    });
  // npm renames or drops what is called .gitignore in a package.
  return new Map(
    templates.map(([path, text]) => [
      path.slice(0, -'.tpl'.length).replace(/^gitignore$/, '.gitignore'),
      fill(path, text),
    ]),
  );
}

/** Path and text of each template in a folder: `common` is for every kind. */
function templatesOf(of: string): [string, string][] {
  const folder = fileURLToPath(new URL(`../templates/${of}`, import.meta.url));
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.tpl'))
    .map((path) => [path, readFileSync(join(folder, path), 'utf8')]);
}
