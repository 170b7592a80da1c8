import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { checkRegularFile, isObject, KdError, messageOf, readRegularText } from '@kd/core';
import type { io } from '@tensorflow/tfjs-core';

/** A model of TensorFlow.js, as its loaders take it. */
export interface TfjsFiles {
  readonly kind: 'graph' | 'layers';
  readonly artifacts: io.ModelArtifacts;
}

/** @param file model.json, with its shards beside it. @throws KdError USAGE */
export async function readTfjsFiles(file: string): Promise<TfjsFiles> {
  try {
    const said = JSON.parse(await readRegularText(file)) as unknown;
    const kind = isObject(said) ? /^(graph|layers)-model$/.exec(String(said['format']))?.[1] : undefined;
    if (kind === undefined) throw new Error('it is no graph or layers model of TensorFlow.js');
    const { weightsManifest = [], ...model } = said as unknown as io.ModelJSON;
    const shards: Uint8Array[] = [];
    for (const path of weightsManifest.flatMap(({ paths }) => paths)) {
      // What kd export wrote lies beside it.
      if (path !== basename(path)) throw new Error(`its shard ${path} lies in another folder`);
      const shard = join(dirname(file), path);
      await checkRegularFile(shard);
      shards.push(await readFile(shard));
    }
    const { buffer, byteOffset, byteLength } = Buffer.concat(shards);
    return {
      kind: kind as TfjsFiles['kind'],
      artifacts: {
        ...model,
        weightSpecs: weightsManifest.flatMap(({ weights }) => weights),
        weightData: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer,
      } as io.ModelArtifacts,
    };
  } catch (cause) {
    throw new KdError('USAGE', `${file}, the exported model, cannot be read: ${messageOf(cause)}.`, { cause });
  }
}
