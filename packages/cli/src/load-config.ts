import { readFile, stat } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { type Config, duplicateKey, isKdError, KdError, messageOf } from '@kd/core';
import { loadConfig as load } from 'c12';

export interface LoadedConfig {
  readonly config: Config;
  readonly file: string;
  /** Relative paths and plugins are looked up from here. */
  readonly folder: string;
}

/**
 * Reads a config in TypeScript, JavaScript or JSON. Its shape is checked later, when a run starts.
 * @throws KdError CONFIG_NOT_FOUND, CONFIG_INVALID
 */
export async function loadConfig(path: string): Promise<LoadedConfig> {
  const file = resolve(path);
  const isFile = await stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile)
    throw new KdError(
      'CONFIG_NOT_FOUND',
      `${path} is no file; give a config in TypeScript or JSON, such as kd.config.ts.`,
    );
  const config = await evaluate(file);
  if (typeof config !== 'object' || config === null || Array.isArray(config) || Object.keys(config).length === 0) {
    throw new KdError(
      'CONFIG_INVALID',
      `${path} holds no config; in TypeScript: export default defineConfig({ … }), in JSON: one object.`,
    );
  }
  return { config: config as Config, file, folder: dirname(file) };
}

async function evaluate(file: string): Promise<unknown> {
  try {
    // A config in JSON is data, whoever wrote it: no loader of code sees it.
    if (extname(file).toLowerCase() === '.json') {
      const text = (await readFile(file, 'utf8')).replace(/^\uFEFF/, '');
      const config = JSON.parse(text) as unknown;
      const twice = duplicateKey(text);
      if (twice === null) return config;
      throw new KdError('CONFIG_INVALID', `${file}: the key "${twice.key}" occurs twice; leave one of the two.`);
    }
    const { config } = await load({
      cwd: dirname(file),
      configFile: file,
      rcFile: false,
      globalRc: false,
      dotenv: false,
      packageJson: false,
      extend: false,
      envName: false,
      giget: false,
      // A config holds functions and definitions: they are to stay the objects that they are.
      merger: (...sources) => sources.find((source) => source !== undefined && source !== null) ?? {},
      // Only TypeScript is transformed. Whatever is JavaScript already is imported by Node, so that there is one
      // TensorFlow.js and one core.
      jitiOptions: { extensions: ['.ts', '.mts', '.cts'] },
    });
    return config;
  } catch (cause) {
    if (isKdError(cause)) throw cause;
    throw new KdError('CONFIG_NOT_FOUND', `${file} could not be loaded: ${messageOf(cause)}`.split('\n'), { cause });
  }
}
