import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readFile, rename, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTeacher, silentLogger, type TeacherDefinition, teacherMaps } from '@kd/core';
import { cpuEngine, testTeacher } from '@kd/testing';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeGraph, writeLayers } from '../test/models.js';
import { inspectTfjs } from './inspect.js';
import { tfjs, type TfjsInput } from './teacher.js';

const folder = mkdtempSync(join(tmpdir(), 'kd-tfjs-'));
beforeAll(async () => {
  await cpuEngine().start();
  await Promise.all([writeGraph(join(folder, 'graph')), writeGraph(join(folder, 'one'), { batch: 1, size: 32 })]);
  await writeLayers(join(folder, 'layers'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const input = (size: number): TfjsInput['input'] => ({ fixedSize: [size, size], mean: [0, 0, 0], std: [1, 1, 1] });
const build = async (options: Partial<TfjsInput> & { readonly model: string }) =>
  (
    await buildTeacher(
      { definition: tfjs.definition as unknown as TeacherDefinition, options: { input: input(32), ...options } },
      { folder, logger: silentLogger },
    )
  ).teacher;

for (const model of ['graph', 'one', 'layers/model.json'])
  testTeacher(tfjs, { folder, options: { model, input: input(32) } });

describe('taps of a TensorFlow.js model', () => {
  it.each<readonly [string, TfjsInput['taps'], object]>([
    ['graph', undefined, { 'stem/relu': [4, 6], 'deep/relu': [8, 5] }],
    ['graph', ['*/conv'], { 'stem/conv': [4, 6], 'deep/conv': [8, 5] }],
    ['graph', { c3: 'deep/relu' }, { c3: [8, 5] }],
    ['layers', undefined, { norm: [4, 4], c3: [8, 5] }],
    ['layers', ['c2'], { c2: [4, 4] }],
  ])('of the %s model with taps %j', async (model, taps, expected) => {
    const teacher = await build({ model, ...(taps && { taps }) });
    expect(Object.fromEntries(teacher.taps.map(({ name, stride, channels }) => [name, [stride, channels]]))).toEqual(
      expected,
    );
    await teacher.dispose();
  });

  it('are the values that the model computes', async () => {
    const teacher = await build({ model: 'layers', taps: ['c3'] });
    const json = JSON.parse(await readFile(join(folder, 'layers/model.json'), 'utf8')) as {
      modelTopology: object;
      weightsManifest: { weights: tf.io.WeightsManifestEntry[] }[];
    };
    const bytes = await readFile(join(folder, 'layers/weights.bin'));
    const whole = await loadLayersModel(
      tf.io.fromMemory({
        modelTopology: json.modelTopology,
        weightSpecs: json.weightsManifest[0]!.weights,
        weightData: Uint8Array.from(bytes).buffer,
      }),
    );
    const data = Float32Array.from({ length: 32 * 32 * 3 }, (_, i) => Math.sin(i));
    const images = { data, shape: [1, 32, 32, 3], imageSizes: [[32, 32]], ids: [0] } as const;
    const { maps } = await teacherMaps(teacher, images, ['c3']);
    // The scores are a mean of the map and a dense layer: by hand from the tap, and by the model.
    const [kernel, bias] = whole.getLayer('scores').getWeights() as [tf.Tensor2D, tf.Tensor1D];
    const byHand = tf.add(tf.matMul(tf.mean(maps['c3']!, [1, 2]), kernel), bias);
    const scores = whole.predict(tf.tensor4d(data, [1, 32, 32, 3])) as tf.Tensor;
    scores.dataSync().forEach((value, i) => expect(byHand.dataSync()[i]).toBeCloseTo(value, 5));
    await teacher.dispose();
  });
});

describe('what kd teacher inspect lists', () => {
  it('is every map, the fitting ones first, in a size that the model allows', async () => {
    const before = tf.memory().numTensors;
    const { maps, ...found } = await inspectTfjs(join(folder, 'graph'), [64, 32]);
    expect(found).toMatchObject({ kind: 'graph', layout: 'nhwc', size: [64, 32], input: [null, null, null, 3] });
    expect(
      maps.map(({ name, stride, channels, height, width, fits }) => [name, stride, channels, height, width, fits]),
    ).toEqual([
      ['stem/relu', 4, 6, 16, 8, true],
      ['deep/relu', 8, 5, 8, 4, true],
      ['stem/conv', 4, 6, 16, 8, false],
      ['deep/conv', 8, 5, 8, 4, false],
    ]);
    expect((await inspectTfjs(join(folder, 'one'), [64, 32])).size, 'its own').toEqual([32, 32]);
    const layers = await inspectTfjs(join(folder, 'layers/model.json'), [32, 32]);
    expect(layers.maps.filter(({ fits }) => fits).map(({ name }) => name)).toEqual(['norm', 'c3']);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is one error of a file that is none', () =>
    expect(inspectTfjs(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'TEACHER_INVALID' }));
});

describe('a model that is none, or not whole', () => {
  const copy = async (name: string, change: (at: string) => Promise<unknown>): Promise<string> => {
    await writeGraph(join(folder, name));
    await change(join(folder, name));
    return name;
  };
  const edit = (part: (model: Record<string, unknown>) => void) => async (at: string) => {
    const file = join(at, 'model.json');
    const model = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    part(model);
    await writeFile(file, JSON.stringify(model));
  };
  const shard = (path: string) =>
    edit((model) => void ((model['weightsManifest'] as [{ paths: string[] }])[0].paths[0] = path));

  it.each<readonly [string, (at: string) => Promise<unknown>, RegExp]>([
    [
      'no model.json',
      (at) => rename(join(at, 'model.json'), join(at, 'other.json')),
      /model\.json: it cannot be read .*ENOENT/,
    ],
    [
      'a folder in its place',
      async (at) => {
        await rename(join(at, 'model.json'), join(at, 'x'));
        await mkdir(join(at, 'model.json'));
      },
      /it is a folder, where a file is wanted/,
    ],
    [
      'no JSON',
      (at) => writeFile(join(at, 'model.json'), '{"format":'),
      /model\.json: it is no JSON: .* Give the folder that tensorflowjs_converter wrote, or the model\.json in it\.$/,
    ],
    [
      'other JSON',
      (at) => writeFile(join(at, 'model.json'), '{"a": 1}'),
      /is no model\.json of TensorFlow\.js: modelTopology/,
    ],
    [
      'a shard that is missing',
      (at) => rename(join(at, 'group1-shard1of2.bin'), join(at, 'gone')),
      /its shard "group1-shard1of2\.bin" cannot be read: ENOENT/,
    ],
    [
      'a shard cut off',
      (at) => truncate(join(at, 'group1-shard2of2.bin'), 5),
      /its shards hold 1005 bytes of weights, and it describes 1376/,
    ],
    [
      'a shard outside',
      shard('../graph/group1-shard1of2.bin'),
      /cannot be read: it lies outside of the folder of the model/,
    ],
    ['a shard of the web', shard('https://example.org/shard.bin'), /its shard "https:.*cannot be read: ENOENT/],
    [
      'a link to the outside',
      async (at) => {
        await writeFile(join(folder, 'secret'), 'x');
        await rename(join(at, 'group1-shard1of2.bin'), join(at, 'y'));
        await symlink(join(folder, 'secret'), join(at, 'group1-shard1of2.bin'));
      },
      /it is a link that leaves the folder of the model/,
    ],
    [
      'weights beyond all memory',
      edit(
        (model) =>
          void ((model['weightsManifest'] as [{ weights: [{ shape: number[] }] }])[0].weights[0].shape = [
            2 ** 30,
            2 ** 30,
          ]),
      ),
      /its weights take \d.* bytes, more than the 4294967296/,
    ],
    [
      'an op that TensorFlow.js does not know',
      edit((model) => void ((model['modelTopology'] as { node: { op: string }[] }).node[5]!.op = 'Teleport')),
      /model\.json: /,
    ],
  ])('is refused with %s, in one error', async (what, change, message) => {
    const before = tf.memory().numTensors;
    const model = await copy(what.replaceAll(' ', '-'), change);
    await expect(build({ model })).rejects.toMatchObject({
      code: 'TEACHER_INVALID',
      message: expect.stringMatching(message) as string,
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each<readonly [string, Partial<TfjsInput>, RegExp]>([
    [
      'a tap that is not there',
      { taps: ['deep/rel'] },
      /has no map that matches "deep\/rel"; did you mean "deep\/relu"\?/,
    ],
    ['a tap that is no map', { taps: ['scores'] }, /has no map that matches "scores"/],
    [
      'images of another size',
      { model: 'one', input: input(48) },
      /reads images of height 32 alone, and input gives 48\. Set fixedSize: \[32, 32\]/,
    ],
    ['channels first', { model: 'one', input: { ...input(32), layout: 'nchw' } }, /where nchw images have 3 channels/],
    ['no input rule', { input: {} }, /input: the teacher does not say how images become its input/],
  ])('is refused with %s', async (_, options, message) => {
    const before = tf.memory().numTensors;
    await expect(build({ model: 'graph', ...options })).rejects.toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
  });
});
