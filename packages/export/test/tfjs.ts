import type { Detector, DetectorDefinition, ExportedModel } from '@kd/core';
import { fcos } from '@kd/detector-fcos';
import { atss, gfl } from '@kd/detector-gfl';
import { retinanet } from '@kd/detector-retinanet';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { detected } from './detected.js';
import { pixels } from './detectors.js';

export const dense = { gfl, atss, fcos, retinanet } as unknown as Record<
  string,
  { readonly definition: DetectorDefinition<never> }
>;

/** What a reader of TensorFlow.js takes, from the files as they would lie in a folder. */
export function readTfjs(files: ReadonlyMap<string, Uint8Array>): {
  readonly json: tf.io.ModelJSON;
  readonly artifacts: tf.io.ModelArtifacts;
} {
  const json = JSON.parse(new TextDecoder().decode(files.get('model.json'))) as tf.io.ModelJSON;
  const paths = json.weightsManifest.flatMap((group) => group.paths);
  const weightData = new Uint8Array(Buffer.concat(paths.map((path) => files.get(path)!))).buffer;
  const weightSpecs = json.weightsManifest.flatMap(({ weights }) => weights);
  return { json, artifacts: { ...json, weightSpecs, weightData } as unknown as tf.io.ModelArtifacts };
}

/** The largest difference of a map from the detector's own, as a share of the map's largest value. */
export async function mapDifference(
  detector: Detector,
  { input, strides }: ExportedModel,
  n: number,
  run: (images: tf.Tensor4D) => [name: string, map: tf.Tensor][],
): Promise<number> {
  const size = input.size!;
  const images = pixels(n, size);
  const { maps } = await detected(detector, images, [n, ...size]);
  const outputs = run(tf.tensor4d(images, [n, ...size, 3]));
  const names = strides.flatMap((stride) => Object.keys(maps).map((map) => `${map}@p${Math.log2(stride)}`));
  expect(outputs.map(([name]) => name).sort()).toEqual([...names].sort());
  let worst = 0;
  for (const [output, found] of outputs) {
    const [map, level] = output.split('@p') as [string, string];
    const mine = maps[map]![strides.indexOf(2 ** Number(level))]!;
    const theirs = found.dataSync();
    expect(theirs.length).toBe(mine.length);
    const most = mine.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    mine.forEach((value, k) => (worst = Math.max(worst, Math.abs(theirs[k]! - value) / most)));
    found.dispose();
  }
  return worst;
}
