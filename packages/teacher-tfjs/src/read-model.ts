import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { checkRegularFile, KdError, messageOf } from '@kd/core';
import type * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';

/** Far above every published model. */
const MOST = { json: 256 * 2 ** 20, weights: 4 * 2 ** 30, shards: 10_000, tensors: 100_000, nodes: 500_000 } as const;

const BYTES = { float32: 4, int32: 4, uint8: 1, uint16: 2, float16: 2, bool: 1 } as const;
const text = v.pipe(v.string(), v.nonEmpty());
const side = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 31));
const spec = v.object({
  name: text,
  shape: v.pipe(v.array(side), v.maxLength(8)),
  dtype: v.picklist(['float32', 'int32', 'bool'], 'must be float32, int32 or bool'),
  quantization: v.optional(
    v.object({
      dtype: v.picklist(['uint8', 'uint16', 'float16'], 'must be uint8, uint16 or float16'),
      scale: v.optional(v.pipe(v.number(), v.finite())),
      min: v.optional(v.pipe(v.number(), v.finite())),
    }),
  ),
});
const manifest = v.object({
  format: v.optional(v.string()),
  modelTopology: v.looseObject({}, 'must be an object: the network'),
  signature: v.optional(v.looseObject({})),
  modelInitializer: v.optional(v.looseObject({})),
  weightsManifest: v.pipe(
    v.array(
      v.object({
        paths: v.pipe(v.array(text), v.maxLength(MOST.shards)),
        weights: v.pipe(v.array(spec), v.maxLength(MOST.tensors)),
      }),
    ),
    v.maxLength(MOST.shards),
  ),
});

export interface ReadModel {
  readonly artifacts: tf.io.ModelArtifacts;
  readonly kind: 'graph' | 'layers';
  /** Hash of the network and its weights. */
  readonly fingerprint: string;
  readonly parameters: number;
}

/**
 * Reads `model.json` and the shards beside it. Nothing in them is executed, and no file outside of the folder is read.
 * @throws KdError TEACHER_INVALID naming the file and what is wrong
 */
export async function readModel(file: string): Promise<ReadModel> {
  const refuse = (why: string, cause?: unknown): never => {
    throw new KdError('TEACHER_INVALID', `${file}: ${why}.`, { cause });
  };
  const json = await readBounded(file, MOST.json).catch((cause: unknown) =>
    refuse(
      `it cannot be read as a model.json: ${messageOf(cause)}. Give the folder that tensorflowjs_converter wrote`,
      cause,
    ),
  );
  const parsed = v.safeParse(manifest, parse(json, refuse));
  if (!parsed.success)
    refuse(
      `it is no model.json of TensorFlow.js: ${parsed.issues
        .slice(0, 3)
        .map((issue) => `${v.getDotPath(issue) ?? 'it'}: ${issue.message}`)
        .join('; ')}`,
    );
  const { format, modelTopology, signature, modelInitializer, weightsManifest } = parsed.output as v.InferOutput<
    typeof manifest
  >;
  const nodes = (modelTopology as { readonly node?: unknown }).node;
  if (Array.isArray(nodes) && nodes.length > MOST.nodes)
    refuse(`its graph has ${nodes.length} nodes, above all bounds`);
  const specs = weightsManifest.flatMap(({ weights }) => weights);
  const wanted = specs.reduce((sum, one) => sum + bytesOf(one), 0);
  if (wanted > MOST.weights) refuse(`its weights take ${wanted} bytes, more than the ${MOST.weights} that are read`);
  const weightData = await readShards(
    file,
    weightsManifest.flatMap(({ paths }) => paths),
    wanted,
    refuse,
  );
  return {
    artifacts: {
      modelTopology,
      ...(signature && { signature }),
      ...(modelInitializer && { modelInitializer }),
      ...(format && { format }),
      weightSpecs: specs as tf.io.WeightsManifestEntry[],
      weightData: weightData.buffer,
    },
    kind: format === 'graph-model' || Array.isArray(nodes) ? 'graph' : 'layers',
    fingerprint: createHash('sha256').update(json).update(weightData).digest('hex').slice(0, 16),
    parameters: specs.reduce((sum, { dtype, shape }) => sum + (dtype === 'float32' ? sizeOf(shape) : 0), 0),
  };
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, one) => product * one, 1);

const bytesOf = ({ shape, dtype, quantization }: v.InferOutput<typeof spec>): number =>
  sizeOf(shape) * BYTES[quantization?.dtype ?? dtype];

async function readBounded(file: string, most: number): Promise<Buffer> {
  const size = await checkRegularFile(file);
  if (size > most) throw new Error(`it has ${size} bytes, more than the ${most} that are read`);
  return readFile(file);
}

function parse(json: Buffer, refuse: (why: string, cause?: unknown) => never): unknown {
  try {
    return JSON.parse(json.toString('utf8')) as unknown;
  } catch (cause) {
    return refuse(
      `it is no JSON: ${messageOf(cause)}. Give the folder that tensorflowjs_converter wrote, or the model.json in it`,
      cause,
    );
  }
}

/** The weights, one shard after the other. */
async function readShards(
  file: string,
  paths: readonly string[],
  wanted: number,
  refuse: (why: string, cause?: unknown) => never,
): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await realpath(dirname(file));
  const parts: Buffer[] = [];
  let left = wanted;
  for (const path of paths) {
    const part = await shard(folder, path, left).catch((cause: unknown) =>
      refuse(`its shard ${JSON.stringify(path)} cannot be read: ${messageOf(cause)}`, cause),
    );
    parts.push(part);
    left -= part.length;
  }
  if (left !== 0)
    refuse(
      `its shards hold ${wanted - left} bytes of weights, and it describes ${wanted}. Copy the whole folder anew, with every shard`,
    );
  const weights = new Uint8Array(wanted);
  let at = 0;
  for (const part of parts) {
    weights.set(part, at);
    at += part.length;
  }
  return weights;
}

async function shard(folder: string, path: string, most: number): Promise<Buffer> {
  const outside = (to: string): boolean => to.startsWith('..') || isAbsolute(to);
  if (outside(relative(folder, resolve(folder, path)))) throw new Error('it lies outside of the folder of the model');
  const found = await realpath(resolve(folder, path));
  if (outside(relative(folder, found))) throw new Error('it is a link that leaves the folder of the model');
  return readBounded(found, most);
}
