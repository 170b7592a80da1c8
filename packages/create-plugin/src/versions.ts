import { readFileSync } from 'node:fs';

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'));
const { devDependencies } = read('package.json') as { devDependencies: Readonly<Record<string, string>> };

/**
 * The version of a package that new packages start with: what this one was published with, or what the workspace holds.
 */
export function versionOf(name: string): string {
  const said = devDependencies[name];
  if (said === undefined) throw new Error(`Templates name ${name}, which is no devDependency of @kd/create-plugin.`);
  if (!/^(workspace|catalog):/.test(said)) return said.replace(/^\^/, '');
  return (read(`node_modules/${name}/package.json`) as { version: string }).version;
}
