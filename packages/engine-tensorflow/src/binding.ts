import { KdError } from '@kd/core';
import { folderOnce, type FolderOnceOptions, type OnProgress } from '@kd/core/wheels';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCompiler } from './compiler.js';
import { kernelPackage } from './kernel-package.js';
import { damage, keepHashes } from './kept-hashes.js';
import type { Library } from './library.js';
import type { Machine } from './machine.js';

/** The native module: one TensorFlow eager context and its tensors, by number. */
export interface Binding {
  readonly TF_Version: string;
  isUsingGpuDevice(): boolean;
  getNumOfTensors(): number;
  readonly [constant: `TF_${string}`]: number | string;
}

const NAPI_VERSION = 8;
const FLAGS = ['-std=c++17', '-O2', '-fPIC', '-shared', '-w', `-DNAPI_VERSION=${NAPI_VERSION}`];

export interface BindingPlan {
  readonly file: string;
  readonly args: (output: string) => string[];
}

/**
 * What would be compiled, and where it lies once it is. The name is a hash of all that goes in: sources, flags, headers
 * of Node-API, and the very library (folder, size, time). Node-API is stable across Node versions, so one file serves
 * all.
 */
export function bindingPlan(library: Library, cache: string): BindingPlan {
  const { folder, version } = kernelPackage();
  const headers = join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include');
  const own = fileURLToPath(new URL('../native', import.meta.url));
  const sources = [join(folder, 'binding'), own].flatMap(filesIn);
  const hash = createHash('sha256').update(JSON.stringify([version, library.folder, library.version, FLAGS]));
  for (const file of library.files) {
    const { size, mtimeMs } = statSync(join(library.folder, file));
    hash.update(`${file} ${size} ${mtimeMs}`);
  }
  for (const source of sources) hash.update(readFileSync(source));
  return {
    file: join(
      cache,
      `binding-${version}-tf${library.version}-napi${NAPI_VERSION}-${hash.digest('hex').slice(0, 16)}`,
      'tfjs_binding.node',
    ),
    args: (output) => [
      ...FLAGS,
      ...[join(folder, 'binding'), headers, library.include].map((path) => `-I${path}`),
      '-include',
      join(own, 'list_attributes.h'),
      ...sources.filter((source) => source.endsWith('.cc')),
      '-o',
      output,
      `-L${library.folder}`,
      ...library.files.map((file) => `-l:${file}`),
      `-Wl,-rpath,${library.folder}`,
    ],
  };
}

const filesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .sort()
        .map((name) => join(folder, name))
    : [];

/**
 * Compiles the binding for `library` unless that was done before; seconds the first time. @throws KdError
 * ENGINE_UNAVAILABLE
 */
export async function compileBinding(
  library: Library,
  { cache, env, run }: Machine,
  onProgress: OnProgress,
  waiting: FolderOnceOptions = {},
): Promise<string> {
  const plan = bindingPlan(library, cache);
  await folderOnce(
    dirname(plan.file),
    async (temporary) => {
      const compiler = await findCompiler(env, run);
      if (compiler === null) {
        throw new KdError(
          'ENGINE_UNAVAILABLE',
          `the binding to TensorFlow must be compiled once, but ${env.CXX ? `CXX names "${env.CXX}", which does not run` : 'there is no C++ compiler'}. Install one (Debian: apt install g++; Fedora: dnf install gcc-c++), or name it in CXX.`,
        );
      }
      onProgress({
        stage: 'compile',
        message: `compiling the binding for TensorFlow ${library.version}, about ten seconds`,
      });
      const { code, stderr } = await run(compiler.command, plan.args(join(temporary, 'tfjs_binding.node')));
      if (code !== 0) {
        const lines = stderr.split('\n').filter((line) => /error|cannot find/i.test(line));
        const errors = lines.length > 0 ? lines.slice(0, 5) : [stderr.trim().slice(-500)];
        throw new KdError('ENGINE_UNAVAILABLE', [
          `the binding could not be compiled by ${compiler.command} (${compiler.version}) against ${library.folder}:`,
          ...errors,
        ]);
      }
      await keepHashes(temporary);
    },
    {
      onWait: () => onProgress({ stage: 'wait', message: 'another process is compiling the binding, waiting for it' }),
      ...waiting,
    },
  );
  if (!existsSync(plan.file))
    throw new KdError('ENGINE_UNAVAILABLE', damage(dirname(plan.file), [`${basename(plan.file)} is gone`]));
  return plan.file;
}
