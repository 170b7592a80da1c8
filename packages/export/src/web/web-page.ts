import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, posix } from 'node:path';
import { KdError } from '@kd/core';
import type { OnnxExport } from '../onnx/export-onnx.js';

const { resolve } = createRequire(import.meta.url);

/** What onnxruntime-web needs for each back end: its script, and what that fetches. WebGL has a script alone. */
const RUNTIMES = {
  wasm: ['ort.wasm.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm'],
  webgpu: ['ort.webgpu.min.mjs', 'ort-wasm-simd-threaded.asyncify.mjs', 'ort-wasm-simd-threaded.asyncify.wasm'],
  webgl: ['ort.webgl.min.mjs'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export interface WebPage {
  /** The files of the folder by name, with `/` between. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Bytes of its parts. */
  readonly bytes: {
    /** index.html and its style. */
    readonly page: number;
    /** The modules of @kd/detect, the page's own among them. */
    readonly script: number;
    readonly model: number;
    /** onnxruntime-web by back end: a reader loads one of them. */
    readonly runtime: Readonly<Record<keyof typeof RUNTIMES, number>>;
  };
}

/**
 * A folder for any file server: a page that runs a model on images and cameras in the browser. Its scripts are the
 * modules of @kd/detect as they were built, so that nothing has to be bundled.
 * @throws KdError USAGE for a model whose maps the page cannot decode; PLUGIN_INVALID without onnxruntime-web
 */
export async function webPage({ bytes, model }: OnnxExport): Promise<WebPage> {
  if (model.outputs === 'maps' && model.post?.kind !== 'dense')
    throw new KdError(
      'USAGE',
      `the page cannot decode the maps of ${model.detector}: give it a model with its detections.`,
    );
  const own = dirname(resolve('@kd/detect/package.json'));
  const runtime = runtimeFolder();
  const files = new Map<string, Uint8Array>([['model.onnx', bytes]]);
  const copied = async (from: string, to: string): Promise<number> => {
    const content = await readFile(from);
    files.set(to, content);
    return content.length;
  };
  const page =
    (await copied(join(own, 'page/index.html'), 'index.html')) + (await copied(join(own, 'page/page.css'), 'page.css'));
  const script = await addModules(files, join(own, 'dist'), 'page/main.js');
  await copied(join(own, 'LICENSE'), 'detect/LICENSE.txt');
  await copied(join(own, 'page/onnxruntime-license.txt'), 'ort/LICENSE.txt');
  const sizeOf = async (names: readonly string[]): Promise<number> => {
    let size = 0;
    for (const name of names) size += await copied(join(runtime, name), `ort/${name}`);
    return size;
  };
  const sizes = {
    wasm: await sizeOf(RUNTIMES.wasm),
    webgpu: await sizeOf(RUNTIMES.webgpu),
    webgl: await sizeOf(RUNTIMES.webgl),
  };
  return { files, bytes: { page, script, model: bytes.length, runtime: sizes } };
}

/** A module and what it imports of its package, without the comments that name maps which are not there. */
async function addModules(files: Map<string, Uint8Array>, folder: string, first: string): Promise<number> {
  const names = new Set([first]);
  let bytes = 0;
  for (const name of names) {
    const text = (await readFile(join(folder, name), 'utf8')).replace(/\n\/\/# sourceMappingURL=.*\n?$/, '\n');
    files.set(`detect/${name}`, Buffer.from(text));
    bytes += Buffer.byteLength(text);
    for (const [, other] of text.matchAll(/\bfrom '(\.[^']+)'/g)) names.add(posix.join(dirname(name), other!));
  }
  return bytes;
}

function runtimeFolder(): string {
  try {
    return dirname(resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'));
  } catch (cause) {
    throw new KdError(
      'PLUGIN_INVALID',
      'the page runs on onnxruntime-web, which is not installed. To add it: pnpm add -D --ignore-scripts onnxruntime-web',
      { cause },
    );
  }
}
