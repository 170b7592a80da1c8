import type { DataId, DataType, KernelBackend, Tensor, TensorInfo } from '@tensorflow/tfjs-core';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import * as nodeUtil from 'node:util';
import { compileFunction } from 'node:vm';
import type { Binding, NativeAttribute, NativeValues, TensorMetadata } from './binding.js';
import { kernelPackage } from './kernel-package.js';

const require = createRequire(import.meta.url);

export interface TensorflowBackend extends KernelBackend {
  readonly binding: Binding;
  getDTypeInteger(dtype: DataType): number;
  createOutputTensor(metadata: TensorMetadata): Tensor;
  getInputTensorIds(tensors: readonly TensorInfo[]): number[];
  incRef(dataId: DataId): void;
  readonly tensorMap: {
    has(dataId: DataId): boolean;
    /** `values`: those that wait for their first use. */
    get(dataId: DataId): { id: number; readonly shape: readonly number[]; readonly values: NativeValues | null };
  };
  executeMultipleOutputs(
    op: string,
    attributes: readonly NativeAttribute[],
    inputs: readonly TensorInfo[],
    outputs: number,
  ): Tensor[];
}

interface BackendModule {
  readonly NodeJSKernelBackend: new (binding: Binding, packageName: string) => TensorflowBackend;
}

/**
 * Loads the kernels' CommonJS modules through a loader of our own instead of the package's index, which asks for its
 * installer's binding and for the union package. `@tensorflow/tfjs` is answered with the one tfjs-core of this process,
 * and
 * `util` with what Node 23 and later took out of it. Nothing global is patched. Importing the kernels registers them.
 */
export function loadKernels(): BackendModule {
  const root = join(kernelPackage().folder, 'dist');
  const outside = createRequire(join(root, 'index.js'));
  const given: Record<string, unknown> = {
    '@tensorflow/tfjs': require('@tensorflow/tfjs-core'),
    '@tensorflow/tfjs-core': require('@tensorflow/tfjs-core'),
    util: {
      ...nodeUtil,
      isNullOrUndefined: (value: unknown) => value === null || value === undefined,
      isArray: Array.isArray,
    },
    './proto/api_pb': {}, // For TensorBoard summaries, which need a protobuf library and which nothing here writes.
  };
  const loaded = new Map<string, { exports: unknown }>();

  // Ops that are run by name want int64 shapes now and then; the kernels warn of every such tensor.
  const quiet = {
    ...console,
    warn: (...words: unknown[]) => (String(words[0]).startsWith('INT64') ? undefined : console.warn(...words)),
  };

  const load = (file: string): unknown => {
    const known = loaded.get(file);
    if (known) return known.exports;
    const module = { exports: {} as unknown };
    loaded.set(file, module);
    const load = (request: string) => {
      if (request in given) return given[request];
      return request.startsWith('.') ? loadRelative(dirname(file), request) : (outside(request) as unknown);
    };
    compileFunction(readFileSync(file, 'utf8'), ['exports', 'require', 'module', 'console'], { filename: file })(
      module.exports,
      load,
      module,
      quiet,
    );
    return module.exports;
  };
  const loadRelative = (folder: string, request: string): unknown => {
    const path = resolve(folder, request);
    return load(path.endsWith('.js') ? path : `${path}.js`);
  };

  load(join(root, 'register_all_kernels.js'));
  return load(join(root, 'nodejs_kernel_backend.js')) as BackendModule;
}
