import { readFile } from 'node:fs/promises';
import { checkRegularFile, KdError, messageOf } from '@kd/core';
import { DetectError, load } from '@kd/detect';
import { installed } from './installed.js';
import type { Missing, Runner } from './runner.js';

interface Runtime {
  readonly name: string;
  readonly package: string;
  readonly backend: 'cpu' | 'wasm';
}

/** What runs a file of ONNX in Node. */
const RUNTIMES: readonly Runtime[] = [
  { name: 'onnxruntime-node', package: 'onnxruntime-node', backend: 'cpu' },
  { name: 'onnxruntime-web, WASM', package: 'onnxruntime-web', backend: 'wasm' },
];

/**
 * An exported ONNX file in every runtime that the project has; of the others, what adds them.
 * @throws KdError USAGE for a file that no runtime takes
 */
export async function onnxRunners(file: string, threads: number | undefined): Promise<(Runner | Missing)[]> {
  const bytes = await read(file);
  const session = threads === undefined ? {} : { session: { intraOpNumThreads: threads } };
  const runners: (Runner | Missing)[] = [];
  for (const { name, package: wanted, backend } of RUNTIMES) {
    const runtime = await installed(name, wanted, `pnpm add -D --ignore-scripts ${wanted}`);
    if ('missing' in runtime) {
      runners.push(runtime);
      continue;
    }
    try {
      const detector = await load(bytes, { backend, runtime: runtime.exports, ...session });
      const { info } = detector;
      runners.push({ name, info, detect: (image) => detector.detect(image), dispose: () => detector.dispose() });
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
