import '@tensorflow/tfjs-backend-cpu';
import { efficientnetLite } from '@kd/backbone-efficientnet-lite';
import { mobilenetV2, mobilenetV3Small } from '@kd/backbone-mobilenet';
import type { DetectorDefinition } from '@kd/core';
import { fcos } from '@kd/detector-fcos';
import { atss, gfl } from '@kd/detector-gfl';
import { retinanet } from '@kd/detector-retinanet';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { detected } from '../../test/detected.js';
import { drawn, pixels, tiny } from '../../test/detectors.js';
import { exportGraphModel, type TfjsOptions } from './export-graph-model.js';

const definitions = { gfl, atss, fcos, retinanet } as unknown as Record<
  string,
  { readonly definition: DetectorDefinition<never> }
>;

/** The plain converter's reader, from the files as they would lie in a folder. */
async function loaded(files: ReadonlyMap<string, Uint8Array>) {
  const json = JSON.parse(new TextDecoder().decode(files.get('model.json'))) as tf.io.ModelJSON;
  const paths = json.weightsManifest.flatMap((group) => group.paths);
  const weightData = new Uint8Array(Buffer.concat(paths.map((path) => files.get(path)!))).buffer;
  const artifacts = {
    ...json,
    weightSpecs: json.weightsManifest.flatMap(({ weights }) => weights),
    weightData,
  } as unknown as tf.io.ModelArtifacts;
  return { json, model: await loadGraphModel({ load: () => Promise.resolve(artifacts) }) };
}

/** The largest difference of a map, as a share of the largest value. */
async function difference(name: string, options: object, how: TfjsOptions = {}, n = 1): Promise<number> {
  await tf.setBackend('cpu');
  const detector = drawn(definitions[name]!.definition, { ...tiny, ...options });
  const { files, model: info } = exportGraphModel(detector, how);
  const size = info.input.size!;
  const images = pixels(n, size);
  const { maps } = await detected(detector, images, [n, ...size]);
  const { json, model } = await loaded(files);
  expect((json.userDefinedMetadata as { kd: unknown }).kd).toEqual(JSON.parse(JSON.stringify(info)));
  const names = info.strides.flatMap((stride) => Object.keys(maps).map((map) => `${map}@p${Math.log2(stride)}`));
  expect([...model.outputs.map((node) => node.name)].sort()).toEqual([...names].sort());
  const found = model.predict(tf.tensor4d(images, [n, ...size, 3])) as tf.Tensor[];
  let worst = 0;
  model.outputs.forEach((output, i) => {
    const [map, level] = output.name.split('@p') as [string, string];
    const mine = maps[map]![info.strides.indexOf(2 ** Number(level))]!;
    const theirs = found[i]!.dataSync();
    expect(theirs.length).toBe(mine.length);
    const most = mine.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    mine.forEach((value, k) => (worst = Math.max(worst, Math.abs(theirs[k]! - value) / most)));
  });
  model.dispose();
  tf.dispose(found);
  detector.dispose();
  return worst;
}

const bottlenecks = { block: 'bottleneck', layers: [1, 1, 1, 1], width: 4, groups: 2, widthPerGroup: 32 };

test.each<[string, object, TfjsOptions?, number?]>([
  ['gfl', {}],
  ['gfl', { backbone: bottlenecks, norm: 'frozen', regMax: 4 }],
  ['atss', {}, { batch: 'dynamic' }, 2],
  ['gfl', { backbone: mobilenetV2({}), norm: 'frozen' }],
  ['fcos', { backbone: mobilenetV3Small({ width: 0.25 }), norm: 'live' }, { size: [96, 128] }],
  ['fcos', { flavour: 'mmdet', input: { fixedSize: [50, 70], channels: 'bgr', range: 255, mean: [103, 116, 123] } }],
  ['retinanet', { backbone: efficientnetLite({ version: 0 }), norm: 'frozen', extra: 'maxpool' }],
])('%s %j: a plain graph model gives the same maps', async (name, options, how, n) => {
  expect(await difference(name, options, how, n)).toBeLessThan(2e-5);
});

test('a size that is left open is refused', () => {
  const detector = drawn(gfl.definition as never, tiny);
  expect(() => exportGraphModel(detector, { size: 'dynamic' })).toThrow(/models of TensorFlow.js have one size/);
  detector.dispose();
});
