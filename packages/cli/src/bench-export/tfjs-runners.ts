import { isKdError, KdError, messageOf, resolveEngine, startedEngine } from '@kd/core';
import { DetectError, type TfjsModel, tfjsDetector } from '@kd/detect';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { installed } from './installed.js';
import { readTfjsFiles, type TfjsFiles } from './tfjs-files.js';
import type { Missing, Runner } from './runner.js';

type Loader = (handler: tf.io.IOHandler) => Promise<TfjsModel>;

/**
 * An exported model of TensorFlow.js on native TensorFlow and on WASM, where the project has them.
 * @param file model.json
 * @throws KdError USAGE for a file that TensorFlow.js does not take
 */
export async function tfjsRunners(file: string): Promise<(Runner | Missing)[]> {
  const files = await readTfjsFiles(file);
  const load = await loaderOf(files);
  if ('missing' in load) return [load];
  const found: (Runner | Missing)[] = [];
  for (const start of [native, wasm]) {
    const started = await start();
    found.push('missing' in started ? started : await runner(file, files, { ...started, ...load }));
  }
  return found;
}

async function loaderOf({ kind }: TfjsFiles): Promise<{ readonly load: Loader } | Missing> {
  if (kind === 'layers') return { load: (handler) => loadLayersModel(handler) as Promise<TfjsModel> };
  const converter = await installed<{ readonly loadGraphModel: Loader }>(
    'TensorFlow.js',
    '@tensorflow/tfjs-converter',
    'pnpm add -D @tensorflow/tfjs-converter',
  );
  return 'missing' in converter ? converter : { load: converter.exports.loadGraphModel };
}

interface Started {
  readonly name: string;
  readonly backend: string;
}

async function native(): Promise<Started | Missing> {
  const name = 'TensorFlow.js, TensorFlow';
  try {
    const { backend, version } = await startedEngine(await resolveEngine('tensorflow', process.cwd()));
    return { name: `${name} ${version}`, backend };
  } catch (error) {
    if (!isKdError(error)) throw error;
    return { name, missing: error.message };
  }
}

async function wasm(): Promise<Started | Missing> {
  const name = 'TensorFlow.js, WASM';
  const wanted = '@tensorflow/tfjs-backend-wasm';
  const package_ = await installed(name, wanted, `pnpm add -D ${wanted}`);
  return 'missing' in package_ ? package_ : { name, backend: 'wasm' };
}

/** Each back end has a model of its own: the weights of one would move to the other and back at every image. */
async function runner(
  file: string,
  { artifacts }: TfjsFiles,
  { name, backend, load }: Started & { readonly load: Loader },
): Promise<Runner | Missing> {
  const begun = await tf.setBackend(backend).catch(() => false);
  if (!begun) return { name, missing: `TensorFlow.js does not start its back end ${backend} here.` };
  try {
    const detector = tfjsDetector(await load(tf.io.fromMemory(artifacts)), tf);
    return {
      name,
      info: detector.info,
      async detect(image) {
        await tf.setBackend(backend);
        return detector.detect(image);
      },
      dispose: () => detector.dispose(),
    };
  } catch (cause) {
    const why = cause instanceof DetectError ? cause.message : `TensorFlow.js does not take it: ${messageOf(cause)}`;
    throw new KdError('USAGE', `${file} cannot be measured: ${why}`, { cause });
  }
}
