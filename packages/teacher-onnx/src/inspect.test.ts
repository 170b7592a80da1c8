import { mkdirSync, mkdtempSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { StringStringEntryProtoSchema, TensorProto_DataLocation, TensorProto_DataType } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { floats, halving, input, node, patches, pyramid, written } from '../test/graphs.js';
import { inspectOnnx } from './inspect.js';

const folder = (): string => mkdtempSync(join(tmpdir(), 'kd-onnx-'));

describe('maps of a file', () => {
  test('of a pyramid: every stride, with channels; what is pooled to a vector is none', async () => {
    const { maps, input: images, producer, opset } = await inspectOnnx(pyramid());
    expect(maps.map(({ tensor, channels, stride, fits }) => [tensor, channels, stride, fits])).toEqual([
      ['c2', 6, 4, true],
      ['c3', 8, 8, true],
      ['c4', 10, 16, true],
      ['c5', 12, 32, true],
      ['c1', 4, 2, false],
    ]);
    expect(images).toEqual({
      name: 'images',
      layout: 'NCHW',
      dtype: 'float32',
      batch: null,
      height: null,
      width: null,
    });
    expect([producer, opset]).toEqual(['test', 17]);
  });

  test('sizes that the file fixes are taken, and round as convolutions do', async () => {
    const { maps, size } = await inspectOnnx(pyramid([1, 3, 300, 500]), [64, 64]);
    expect(size).toEqual([300, 500]);
    expect(maps.find(({ tensor }) => tensor === 'c5')).toMatchObject({ stride: 32, height: 10, width: 16 });
  });

  test.each([0, 4])('tokens behind a class token and %i registers', async (registers) => {
    const { maps } = await inspectOnnx(patches(registers));
    expect(maps.find(({ tensor }) => tensor === 'tokens')).toMatchObject({
      layout: 'tokens',
      channels: 3,
      stride: 16,
      skip: 1 + registers,
      height: 4,
      width: 4,
      fits: true,
    });
    expect(maps.find(({ tensor }) => tensor === 'plain')).toMatchObject({ layout: 'tokens', skip: 0 });
  });

  test("of a neck behind the backbone, the backbone's fit", async () => {
    const [c1, c2, c3] = [
      halving('images', 'c1', [3, 4], 0.1),
      halving('c1', 'c2', [4, 4], 0.1),
      halving('c2', 'c3', [4, 4], 0.1),
    ];
    const file = written({
      input: [input('images', ['b', 3, 64, 64])],
      initializer: [c1.weight, c2.weight, c3.weight, floats('twice', [4], [1, 1, 2, 2])],
      node: [c1.node, c2.node, c3.node, node('Resize', ['c3', '', 'twice'], 'up'), node('Add', ['up', 'c2'], 'p2')],
      output: [{ name: 'p2' }],
    });
    const { maps } = await inspectOnnx(file);
    expect(maps.filter(({ fits }) => fits).map(({ tensor }) => tensor)).toEqual(['c2', 'c3']);
    expect(maps.map(({ tensor }) => tensor)).toEqual(expect.arrayContaining(['up', 'p2']));
  });

  test('images of bytes with the channels last', async () => {
    const c1 = halving('scaled', 'c1', [3, 4], 0.1);
    const file = written({
      input: [input('bytes', ['b', 64, 96, 3], TensorProto_DataType.UINT8)],
      initializer: [c1.weight],
      node: [
        node('Cast', ['bytes'], 'float', { to: TensorProto_DataType.FLOAT }),
        node('Transpose', ['float'], 'scaled', { perm: [0, 3, 1, 2] }),
        c1.node,
        node('Transpose', ['c1'], 'last', { perm: [0, 2, 3, 1] }),
      ],
      output: [{ name: 'last' }],
    });
    const { input: images, maps } = await inspectOnnx(file);
    expect(images).toMatchObject({ layout: 'NHWC', dtype: 'uint8', height: 64, width: 96 });
    expect(maps.map(({ tensor, layout, channels, stride }) => [tensor, layout, channels, stride])).toEqual([
      ['c1', 'NCHW', 4, 2],
      ['last', 'NHWC', 4, 2],
    ]);
  });

  test('what stands behind an op of others, or reads another input, is left out and told', async () => {
    const [c1, c2] = [halving('images', 'c1', [3, 4], 0.1), halving('c1', 'c2', [4, 4], 0.1)];
    const file = written(
      {
        input: [input('images', ['b', 3, 64, 64]), input('scale', [1])],
        initializer: [c1.weight, c2.weight],
        node: [
          c1.node,
          c2.node,
          node('EfficientNMS', ['c2'], 'boxes', {}, 'TRT'),
          node('Relu', ['boxes'], 'behind'),
          node('Mul', ['c2', 'scale'], 'scaled'),
        ],
        output: [{ name: 'behind' }, { name: 'scaled' }],
      },
      { domains: ['TRT'] },
    );
    const { maps, notes } = await inspectOnnx(file);
    expect(maps.map(({ tensor }) => tensor)).toEqual(['c2', 'c1']);
    expect(notes).toEqual([expect.stringContaining('TRT:EfficientNMS'), expect.stringContaining('scale')]);
  });
});

describe('files that are none are one error', () => {
  const other = (name: string, content: string | Uint8Array): string => {
    const file = join(folder(), name);
    writeFileSync(file, content);
    return file;
  };
  test.each([
    ['a page', other('a.onnx', '<!DOCTYPE html><title>Sign in</title>'), /a page of HTML.*download the file itself/i],
    ['a zip of torch', other('b.onnx', 'PK\x03\x04...'), /checkpoint of torch.*torch\.onnx\.export/],
    ['a pickle', other('c.onnx', Uint8Array.of(0x80, 2, 0x7d)), /a pickle.*torch\.onnx\.export/],
    ['a pointer', other('d.onnx', 'version https://git-lfs.github.com/spec/v1\n'), /git lfs pull/],
    ['HDF5', other('e.onnx', Uint8Array.of(0x89, 0x48, 0x44, 0x46, 13)), /tf2onnx/],
    ['nothing', other('f.onnx', ''), /empty/],
    ['text', other('g.onnx', 'hello, this is some text that is no protobuf'), /is no ONNX/],
    ['no file', join(folder(), 'missing.onnx'), /ENOENT.*Check the path/],
    ['a folder', folder(), /it is a folder/],
  ])('%s', async (_, file, said) => {
    await expect(inspectOnnx(file)).rejects.toMatchObject({
      code: 'TEACHER_INVALID',
      message: expect.stringMatching(said) as string,
    });
  });

  test('one that broke off', async () => {
    const file = pyramid();
    truncateSync(file, 700);
    await expect(inspectOnnx(file)).rejects.toThrow(/broke off: after 700 bytes/);
  });

  test('one of more than 2 GiB, of which nothing is read', async () => {
    const file = other('large.onnx', '');
    truncateSync(file, 3 * 2 ** 30);
    await expect(inspectOnnx(file)).rejects.toThrow(/larger than 2 GiB.*external data/);
  });

  test('an op that nobody has, and an opset that is to come', async () => {
    const graph = {
      input: [input('images', ['b', 3, 64, 64])],
      node: [node('Frobnicate', ['images'], 'x')],
      output: [{ name: 'x' }],
    };
    await expect(inspectOnnx(written(graph))).rejects.toThrow(/no op Frobnicate.*never loaded/);
    await expect(
      inspectOnnx(written({ ...graph, node: [node('Relu', ['images'], 'x')] }, { ir: 99n })),
    ).rejects.toThrow(/newer than onnxruntime/);
  });

  test('a network that takes no images', async () => {
    const file = written({
      input: [input('ids', ['b', 'n'])],
      node: [node('Relu', ['ids'], 'x')],
      output: [{ name: 'x' }],
    });
    await expect(inspectOnnx(file)).rejects.toThrow(/no input takes images.*"ids" \[\?, \?\]/);
  });

  test('a size that it does not run with', async () => {
    const file = written({
      input: [input('images', ['b', 3, 'h', 'w'])],
      initializer: [
        floats(
          'position',
          [1, 3, 32, 32],
          Array.from({ length: 3072 }, () => 0),
        ),
      ],
      node: [
        node('Shape', ['images'], 's'),
        node('Add', ['images', 'position'], 'x'),
        node('Reshape', ['x', 's'], 'y'),
      ],
      output: [{ name: 'y' }],
    });
    await expect(inspectOnnx(file)).rejects.toThrow(
      /Incompatible dimensions.*images of the size that it was exported for/,
    );
    await expect(inspectOnnx(file, [32, 32])).resolves.toMatchObject({ size: [32, 32] });
  });
});

describe('weights in files of their own', () => {
  /** A halving whose weights lie in another file. */
  const outside = (location: string, length = 432): string => {
    const c1 = halving('images', 'c1', [3, 4], 0.1);
    const file = written({
      input: [input('images', ['b', 3, 64, 64])],
      initializer: [
        {
          ...c1.weight,
          rawData: new Uint8Array(),
          dataLocation: TensorProto_DataLocation.EXTERNAL,
          externalData: Object.entries({ location, offset: '0', length: String(length) }).map(([key, value]) =>
            create(StringStringEntryProtoSchema, { key, value }),
          ),
        },
      ],
      node: [c1.node],
      output: [{ name: 'c1' }],
    });
    writeFileSync(join(dirname(file), 'weights.onnx_data'), new Uint8Array(432));
    return file;
  };

  test('beside the model are read', async () => {
    expect((await inspectOnnx(outside('weights.onnx_data'))).maps).toHaveLength(1);
  });

  test.each([
    '../weights.onnx_data',
    'a/../../weights.onnx_data',
    '/etc/passwd',
    '..\\weights.onnx_data',
    'c:\\weights',
    '',
  ])('elsewhere are not: %j', async (location) => {
    await expect(inspectOnnx(outside(location))).rejects.toMatchObject({
      code: 'TEACHER_INVALID',
      message: expect.stringMatching(/Weights are read from the folder of the model alone/) as string,
    });
  });

  test('behind a link out of the folder are not', async () => {
    const file = outside('link/secret');
    const elsewhere = folder();
    writeFileSync(join(elsewhere, 'secret'), new Uint8Array(432));
    symlinkSync(elsewhere, join(dirname(file), 'link'));
    await expect(inspectOnnx(file)).rejects.toThrow(/a link out of the folder/);
  });

  test('that are missing or too short are told with their name', async () => {
    await expect(inspectOnnx(outside('gone.onnx_data'))).rejects.toThrow(/"gone\.onnx_data", which is not there/);
    await expect(inspectOnnx(outside('weights.onnx_data', 4320))).rejects.toThrow(
      /ends after 432 bytes of at least 4320/,
    );
    const file = outside('inner');
    mkdirSync(join(dirname(file), 'inner'));
    await expect(inspectOnnx(file)).rejects.toThrow(/it is a folder/);
  });
});
