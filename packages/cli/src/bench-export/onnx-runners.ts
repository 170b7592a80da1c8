import { readFile } from 'node:fs/promises';
import { checkRegularFile, KdError, messageOf } from '@kd/core';
import { DetectError, load } from '@kd/detect';
import { projectPackage } from '../project-package.js';
import type { Missing, Runner } from './runner.js';

interface Runtime {
  readonly name: string;
  readonly package: string;
  readonly backend: 'cpu' | 'wasm';
  readonly add: string;
}

/** What runs a file of ONNX in Node. */
const RUNTIMES: readonly Runtime[] = [
  {
    name: 'onnxruntime-node',
    package: 'onnxruntime-node',
    backend: 'cpu',
    add: 'pnpm add onnxruntime-node --ignore-scripts',
  },
  { name: 'onnxruntime-web, WASM', package: 'onnxruntime-web', backend: 'wasm', add: 'pnpm add onnxruntime-web' },
];

/**
 * An exported ONNX file in every runtime that the project has; of the others, what adds them.
 * @throws KdError USAGE for a file that no runtime takes
 */
export async function onnxRunners(file: string, threads: number | undefined): Promise<(Runner | Missing)[]> {
  const bytes = await read(file);
  const session = threads === undefined ? {} : { session: { intraOpNumThreads: threads } };
  const runners: (Runner | Missing)[] = [];
  for (const { name, package: wanted, backend, add } of RUNTIMES) {
    const runtime = await projectPackage(wanted, add).catch((error: unknown) => error);
    if (runtime instanceof KdError) {
      runners.push({ name, missing: runtime.message });
      continue;
    }
    try {
      const detector = await load(bytes, { backend, runtime, ...session });
      runners.push({ name, detect: (image) => detector.detect(image), dispose: () => detector.dispose() });
    } catch (cause) {
      if (!(cause instanceof DetectError)) throw cause;
      throw new KdError('USAGE', `${file} cannot be measured: ${cause.message}`, { cause });
    }
  }
  return runners;
}

async function read(file: string): Promise<Uint8Array> {
  try {
    await checkRegularFile(file);
    return await readFile(file);
  } catch (cause) {
    throw new KdError('USAGE', `${file}, the exported model, cannot be read: ${messageOf(cause)}.`, { cause });
  }
}
