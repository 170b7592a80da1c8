import { buildTeacher, disposeAll, silentLogger, type Teacher, teacherMaps } from '@kd/core';
import { cpuEngine } from '@kd/testing';
import * as tf from '@tensorflow/tfjs-core';
import { TensorProto_DataType } from 'onnx-buf';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { floats, halving, input, node, patches, pyramid, written } from '../test/graphs.js';
import onnx from './index.js';
import type { OnnxInput } from './options.js';

beforeAll(() => cpuEngine().start());
const open: Teacher[] = [];
afterEach(async () => {
  for (const teacher of open.splice(0)) await teacher.dispose();
});

const plain: OnnxInput['input'] = { mean: [0, 0, 0], std: [1, 1, 1] };
const bytes: OnnxInput['input'] = { ...plain, range: 255, fixedSize: [8, 8] };

async function start(options: OnnxInput): Promise<Teacher> {
  const { teacher } = await buildTeacher(
    { definition: onnx.definition, options },
    { folder: '.', logger: silentLogger },
  );
  open.push(teacher);
  return teacher;
}

/** Maps of images whose values count up from 0. */
async function run(
  teacher: Teacher,
  shape: readonly [number, number, number, number],
  data?: Float32Array,
  wanted?: string[],
) {
  const size = shape.reduce((product, one) => product * one, 1);
  const images = { data: data ?? Float32Array.from({ length: size }, (_, at) => at), shape, imageSizes: [], ids: [] };
  const output = await teacherMaps(teacher, images, wanted ?? teacher.taps.map(({ name }) => name));
  const found = Object.fromEntries(
    Object.entries(output.maps).map(([name, map]) => [name, { shape: map.shape, values: Array.from(map.dataSync()) }]),
  );
  disposeAll(output);
  return found;
}

describe('maps', () => {
  test('[b, c, h, w] come with the channels last', async () => {
    // Each output channel is a channel of the input at every second place.
    const file = written({
      input: [input('images', ['b', 3, 'h', 'w'])],
      initializer: [floats('pick', [3, 3, 1, 1], [1, 0, 0, 0, 1, 0, 0, 0, 1])],
      node: [node('Conv', ['images', 'pick'], 'map', { strides: [2, 2] })],
      output: [{ name: 'map' }],
    });
    const teacher = await start({ model: file, input: { ...plain, fixedSize: [4, 4] }, taps: ['map'] });
    const { map } = await run(teacher, [2, 3, 4, 4]);
    expect(map).toEqual({
      shape: [2, 2, 2, 3],
      values: [0, 16, 32, 2, 18, 34, 8, 24, 40, 10, 26, 42, 48, 64, 80, 50, 66, 82, 56, 72, 88, 58, 74, 90],
    });
  });

  test('tokens become a map, without those that come first', async () => {
    const teacher = await start({ model: patches(2), input: { ...plain, fixedSize: [64, 64] }, taps: { t: 'tokens' } });
    // Every patch of the first colour holds its number, so that a mean over three colours is a third of it.
    const data = new Float32Array(3 * 64 * 64);
    for (let y = 0; y < 64; y++)
      for (let x = 0; x < 64; x++) data[y * 64 + x] = Math.floor(y / 16) * 4 + Math.floor(x / 16);
    const { t } = await run(teacher, [1, 3, 64, 64], data);
    expect(t!.shape).toEqual([1, 4, 4, 3]);
    t!.values.forEach((value, at) => expect(value).toBeCloseTo((Math.floor(at / 3) * (1 + (at % 3))) / 3, 4));
  });

  test('a file for two images at once takes any number', async () => {
    const one = await start({
      model: pyramid(['b', 3, 64, 64]),
      input: { ...plain, fixedSize: [64, 64] },
      taps: ['c3'],
    });
    const two = await start({ model: pyramid([2, 3, 64, 64]), input: { ...plain, fixedSize: [64, 64] }, taps: ['c3'] });
    const [free, pairs] = [await run(one, [3, 3, 64, 64]), await run(two, [3, 3, 64, 64])];
    expect(pairs['c3']!.shape).toEqual([3, 8, 8, 8]);
    expect(pairs).toEqual(free);
  });

  test('what is not wanted is not run', async () => {
    const [c1, c2] = [halving('images', 'c1', [3, 4], 0.1), halving('c1', 'c2', [4, 4], 0.1)];
    const file = written(
      {
        input: [input('images', ['b', 3, 64, 64])],
        initializer: [c1.weight, c2.weight],
        node: [c1.node, c2.node, node('EfficientNMS', ['c2'], 'boxes', {}, 'TRT')],
        output: [{ name: 'boxes' }],
      },
      { domains: ['TRT'] },
    );
    const teacher = await start({ model: file, input: { ...plain, fixedSize: [64, 64] } });
    expect(teacher.taps).toEqual([{ name: 'c2', stride: 4, channels: 4 }]);
    expect((await run(teacher, [1, 3, 64, 64]))['c2']!.shape).toEqual([1, 16, 16, 4]);
  });

  test.each(['uint8', 'float16'] as const)('a network on %s reads and gives it', async (dtype) => {
    const type = dtype === 'uint8' ? TensorProto_DataType.UINT8 : TensorProto_DataType.FLOAT16;
    const file = written({
      input: [input('images', ['b', 3, 8, 8], type)],
      initializer: [floats('pick', [3, 3, 1, 1], [1, 0, 0, 0, 1, 0, 0, 0, 1])],
      node: [
        node('Cast', ['images'], 'read', { to: TensorProto_DataType.FLOAT }),
        node('Conv', ['read', 'pick'], 'map', { strides: [2, 2] }),
        node('Cast', ['map'], 'half', { to: TensorProto_DataType.FLOAT16 }),
      ],
      output: [{ name: 'half' }],
    });
    const teacher = await start({ model: file, input: bytes, taps: ['half'] });
    const { half } = await run(teacher, [1, 3, 8, 8], new Float32Array(192).fill(100.6));
    // Halves next to 100.6 are 1/16 apart.
    expect(new Set(half!.values)).toEqual(new Set([dtype === 'uint8' ? 101 : 100.625]));
  });
});

describe('what a file of options says', () => {
  const refused = (options: OnnxInput, code: string, message: RegExp): Promise<void> =>
    expect(start(options)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  const sized: OnnxInput['input'] = { ...plain, fixedSize: [64, 64] };

  test('a tap that there is not, a constant, an input, and one that is no map', async () => {
    const model = pyramid();
    await refused(
      { model, input: sized, taps: ['c33'] },
      'TAP_UNKNOWN',
      /computes no tensor "c33"; did you mean "c3"\? A tap is .*kd teacher inspect/,
    );
    await refused({ model, input: sized, taps: ['c3.weight'] }, 'TAP_UNKNOWN', /"c3\.weight" is a constant/);
    await refused({ model, input: sized, taps: ['images'] }, 'TAP_UNKNOWN', /"images" is an input/);
    await refused(
      { model, input: sized, taps: ['logits'] },
      'TEACHER_INVALID',
      /"logits" is no map.*its shape is \[1, 12\]/,
    );
    await refused({ model, input: sized, taps: ['d*'] }, 'TAP_UNKNOWN', /no map that matches "d\*".*c1 \(stride 2/);
  });

  test('a rule that is missing or that the file contradicts', async () => {
    await refused({ model: pyramid() } as OnnxInput, 'CONFIG_INVALID', /how images become its input/);
    await refused({ model: pyramid([1, 3, 96, 96]), input: sized }, 'CONFIG_INVALID', /fixedSize: \[96, 96\]/);
    await refused(
      { model: pyramid([1, 3, 96, 96]), input: { ...plain, minSize: 96 } },
      'CONFIG_INVALID',
      /fixedSize: \[96, 96\]/,
    );
    await refused({ model: pyramid(), input: { ...sized, layout: 'nhwc' } }, 'CONFIG_INVALID', /input\.layout: "nchw"/);
    const file = written({
      input: [input('images', ['b', 3, 64, 64], TensorProto_DataType.UINT8)],
      node: [node('Cast', ['images'], 'x', { to: 1 })],
      output: [{ name: 'x' }],
    });
    await refused({ model: file, input: sized }, 'CONFIG_INVALID', /as bytes.*range: 255/);
  });

  test('a reading and a stride that the shape does not tell', async () => {
    // Rows of 15 cells for 64 pixels, without padding: no rounding of a power of two.
    const file = written({
      input: [input('images', ['b', 3, 64, 64])],
      initializer: [
        floats(
          'w',
          [4, 3, 7, 7],
          Array.from({ length: 588 }, (_, at) => at / 588),
        ),
      ],
      node: [node('Conv', ['images', 'w'], 'map', { strides: [4, 4] })],
      output: [{ name: 'map' }],
    });
    await refused({ model: file, input: sized, taps: ['map'] }, 'TEACHER_INVALID', /\[1, 4, 15, 15\].*say in maps/);
    const teacher = await start({
      model: file,
      input: sized,
      taps: ['map'],
      maps: { map: { layout: 'nchw', stride: 4 } },
    });
    expect(teacher.taps).toEqual([{ name: 'map', stride: 4, channels: 4 }]);
    expect((await run(teacher, [1, 3, 64, 64]))['map']!.shape).toEqual([1, 15, 15, 4]);
  });

  test('a file that does not run with a batch says so when it runs', async () => {
    // The shape of one image is written into the graph, whatever its input says.
    const file = written({
      input: [input('images', ['b', 3, 8, 8])],
      initializer: [{ name: 's', dims: [4n], dataType: TensorProto_DataType.INT64, int64Data: [1n, 12n, 4n, 4n] }],
      node: [node('Reshape', ['images', 's'], 'map')],
      output: [{ name: 'map' }],
    });
    const teacher = await start({ model: file, input: { ...plain, fixedSize: [8, 8] }, taps: ['map'] });
    await expect(run(teacher, [2, 3, 8, 8])).rejects.toThrow(/does not run on images \[2, 3, 8, 8\].*in the number/);
  });
});

test('every tensor is freed', async () => {
  const teacher = await start({ model: pyramid(), input: { ...plain, fixedSize: [64, 64] } });
  const before = tf.memory().numTensors;
  await run(teacher, [1, 3, 64, 64]);
  expect(tf.memory().numTensors).toBe(before);
});

test('a hash of the weights tells files apart', async () => {
  const input: OnnxInput['input'] = { ...plain, fixedSize: [64, 64] };
  const [a, b, c] = [
    await start({ model: pyramid(), input }),
    await start({ model: pyramid(), input }),
    await start({ model: pyramid([1, 3, 64, 64]), input }),
  ];
  expect(a.fingerprint).toBe(b.fingerprint);
  expect(a.fingerprint).not.toBe(c.fingerprint);
  expect(a.parameters).toBe(9 * (3 * 4 + 4 * 6 + 6 * 8 + 8 * 10 + 10 * 12));
});
