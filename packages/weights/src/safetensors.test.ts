import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KdError, type HostTensor } from '@kd/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { safetensorsFormat } from './checkpoint-format.js';
import { parseSafetensors, readSafetensors, serializeSafetensors, writeSafetensors } from './safetensors.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kd-safetensors-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const every: Map<string, HostTensor> = new Map<string, HostTensor>([
  ['bool', { dtype: 'BOOL', shape: [3], data: new Uint8Array([1, 0, 1]) }],
  ['u8', { dtype: 'U8', shape: [2, 2], data: new Uint8Array([0, 1, 254, 255]) }],
  ['i8', { dtype: 'I8', shape: [2], data: new Int8Array([-128, 127]) }],
  ['i16', { dtype: 'I16', shape: [2], data: new Int16Array([-32768, 32767]) }],
  ['f16', { dtype: 'F16', shape: [2], data: new Uint16Array([0x3c00, 0x7e00]) }],
  ['bf16', { dtype: 'BF16', shape: [1], data: new Uint16Array([0x3f80]) }],
  ['i32', { dtype: 'I32', shape: [2], data: new Int32Array([-(2 ** 31), 2 ** 31 - 1]) }],
  ['f32', { dtype: 'F32', shape: [2, 3], data: new Float32Array([NaN, -0, Infinity, -Infinity, 1e-45, 3.5]) }],
  ['i64', { dtype: 'I64', shape: [1], data: new BigInt64Array([-(2n ** 63n)]) }],
  ['f64', { dtype: 'F64', shape: [], data: new Float64Array([Math.PI]) }],
  ['empty', { dtype: 'F32', shape: [0, 4], data: new Float32Array(0) }],
  ['name "quoted" \\ é/0', { dtype: 'F32', shape: [1], data: new Float32Array([1]) }],
  ['__proto__', { dtype: 'F32', shape: [1], data: new Float32Array([2]) }],
]);

/** A file with this header and so many bytes of data. */
function file(header: string, dataBytes = 0, headerLength?: number): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength ?? json.length), true);
  bytes.set(json, 8);
  return bytes;
}

describe('round trip', () => {
  test('every dtype, empty and 0-d tensors, NaN, metadata', async () => {
    const path = join(folder, 'every.safetensors');
    await writeSafetensors(path, every, { note: 'two\nlines', a: '' });
    const back = await readSafetensors(path);
    expect(back.metadata).toEqual({ note: 'two\nlines', a: '' });
    expect([...back.tensors.keys()].sort()).toEqual([...every.keys()].sort());
    for (const [name, tensor] of every) {
      const got = back.tensors.get(name)!;
      expect(got.dtype).toBe(tensor.dtype);
      expect(got.shape).toEqual(tensor.shape);
      expect(got.data.constructor).toBe(tensor.data.constructor);
      const bytes = (t: HostTensor): Uint8Array => new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength);
      expect(bytes(got), name).toEqual(bytes(tensor));
    }
  });

  test('the same tensors give the same bytes in any order; header and tensors are aligned', () => {
    const bytes = serializeSafetensors(every, { b: '1', a: '2' });
    const turned = serializeSafetensors(new Map([...every].reverse()), { a: '2', b: '1' });
    expect(turned).toEqual(bytes);
    const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(headerLength % 8).toBe(0);
    for (const { data } of parseSafetensors(bytes, 'x').tensors.values()) {
      expect(data.buffer).toBe(bytes.buffer); // a view, so it lay on a multiple of its element size
    }
  });

  test.each([0, 1, 2, 3])('data of a file on the disk, %i bytes behind a multiple of four', async (shift) => {
    const values = new Float32Array([1.5, -2, 3]);
    const header =
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[3],"data_offsets":[1,13]}}';
    const filled = header + ' '.repeat(((7 - (header.length % 4)) % 4) + shift);
    const bytes = file(filled, 13);
    bytes.set([7, ...new Uint8Array(values.buffer)], 8 + filled.length);
    await writeFile(join(folder, 'unaligned.safetensors'), bytes);
    const { tensors } = await readSafetensors(join(folder, 'unaligned.safetensors'));
    expect(tensors.get('a')!.data).toEqual(new Uint8Array([7]));
    expect(tensors.get('b')!.data).toEqual(values);
  });

  test('unaligned data, and a file at an odd offset of its buffer', () => {
    const header =
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F64","shape":[1],"data_offsets":[1,9]}}';
    const bytes = file(header, 9);
    new DataView(bytes.buffer).setFloat64(bytes.length - 8, 2.5, true);
    const shifted = new Uint8Array(bytes.length + 3).subarray(3);
    shifted.set(bytes);
    expect(parseSafetensors(shifted, 'x').tensors.get('b')!.data[0]).toBe(2.5);
  });

  test('no tensors at all', () => {
    expect(parseSafetensors(serializeSafetensors(new Map()), 'x').tensors.size).toBe(0);
  });

  test('fulfils the checkpoint format of core', async () => {
    const path = join(folder, 'format.safetensors');
    await safetensorsFormat.write(path, every, { step: '3' });
    expect((await safetensorsFormat.read(path)).metadata).toEqual({ step: '3' });
    expect(safetensorsFormat.extension).toBe('.safetensors');
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('half precision writer', () => {
  test('floats are rounded, integers stay', () => {
    const bytes = serializeSafetensors(
      new Map<string, HostTensor>([
        ['w', { dtype: 'F32', shape: [3], data: new Float32Array([1, 1 / 3, -65504]) }],
        ['n', { dtype: 'I32', shape: [1], data: new Int32Array([70000]) }],
      ]),
      {},
      { as: 'F16' },
    );
    const { tensors } = parseSafetensors(bytes, 'x');
    expect(tensors.get('w')).toMatchObject({ dtype: 'F16', data: new Uint16Array([0x3c00, 0x3555, 0xfbff]) });
    expect(tensors.get('n')).toMatchObject({ dtype: 'I32', data: new Int32Array([70000]) });
  });

  test('a value beyond the range is refused, an infinity is kept', () => {
    const tensor = (value: number): Map<string, HostTensor> =>
      new Map([['w', { dtype: 'F32', shape: [1], data: new Float32Array([value]) }]]);
    expect(() => serializeSafetensors(tensor(70000), {}, { as: 'F16' })).toThrow(/"w" has the value 70000 .* F32/);
    expect(
      parseSafetensors(serializeSafetensors(tensor(-Infinity), {}, { as: 'F16' }), 'x').tensors.get('w')!.data[0],
    ).toBe(0xfc00);
  });
});

describe('refused files', () => {
  const entry = (body: string): string => `{"w":${body}}`;
  const good = entry('{"dtype":"F32","shape":[2],"data_offsets":[0,8]}');
  test.each<[string, Uint8Array, RegExp]>([
    ['empty', new Uint8Array(0), /is empty, not a safetensors file/],
    ['header cut', file(good).subarray(0, 30), /cut short/],
    ['data cut', file(good, 7), /"w" ends at byte 8 .* only 7.*cut short/],
    ['too much data', file(good, 12), /4 bytes follow the last tensor/],
    ['header length beyond the file', file(good, 8, 5000), /header of 5000 bytes, but only \d+ follow/],
    ['absurd header length', file(good, 8, 2 ** 52), /another kind of file/],
    ['malformed JSON', file('{"w":'), /not valid JSON/],
    [
      'not UTF-8',
      (() => {
        const b = file('{"w":1}');
        b[10] = 0xff;
        return b;
      })(),
      /not valid JSON/,
    ],
    ['not an object', file('[]'), /not a JSON object/],
    ['metadata of numbers', file('{"__metadata__":{"a":1}}'), /__metadata__ is not a map of strings/],
    [
      'unknown dtype',
      file(entry('{"dtype":"F8_E8M0","shape":[2],"data_offsets":[0,2]}'), 2),
      /"w": unknown dtype "F8_E8M0"; known are F64/,
    ],
    [
      'dtype named like a method',
      file(entry('{"dtype":"constructor","shape":[2],"data_offsets":[0,2]}'), 2),
      /unknown dtype "constructor"/,
    ],
    [
      'negative side',
      file(entry('{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}')),
      /shape \[-1\] is not a list of sizes/,
    ],
    ['fractional offsets', file(entry('{"dtype":"U8","shape":[1],"data_offsets":[0.5,1.5]}'), 2), /not two offsets/],
    ['no offsets', file(entry('{"dtype":"U8","shape":[1]}'), 1), /not two offsets/],
    ['entry is no object', file(entry('3')), /not an object/],
    [
      'size mismatch',
      file(entry('{"dtype":"F32","shape":[3],"data_offsets":[0,8]}'), 8),
      /span 8 bytes, but F32 of shape \[3\] takes 12/,
    ],
    ['backwards offsets', file(entry('{"dtype":"U8","shape":[1],"data_offsets":[1,0]}'), 1), /span -1 bytes/],
    [
      'overflowing shape',
      file(entry('{"dtype":"F32","shape":[9007199254740991,9007199254740991],"data_offsets":[0,4]}'), 4),
      /span 4 bytes/,
    ],
    [
      'overlap',
      file(
        '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}',
        6,
      ),
      /"b" at byte 2 overlaps "a"/,
    ],
    [
      'hole',
      file(
        '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}',
        6,
      ),
      /2 bytes at 2 belong to no tensor/,
    ],
    [
      'duplicate name',
      file(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        1,
      ),
      /has "a" twice/,
    ],
    [
      'duplicate field',
      file(entry('{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}'), 1),
      /has "dtype" twice/,
    ],
    [
      'a shape nested deep',
      file(entry(`{"dtype":"U8","shape":${'['.repeat(500_000)}${']'.repeat(500_000)},"data_offsets":[0,1]}`), 1),
      /nested too deep/,
    ],
    [
      'a name of some megabytes, twice',
      file(
        `{${[1, 2].map(() => `"${'\\"'.repeat(2_000_000)}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`).join()}}`,
        0,
      ),
      /has ".{0,100} twice/,
    ],
    [
      'a zip',
      new TextEncoder().encode('PK\u0003\u0004 not this kind of file at all'),
      /is an archive \(zip\), not a safetensors file/,
    ],
  ])('%s', (_, bytes, message) => {
    try {
      parseSafetensors(bytes, 'folder/teacher.safetensors');
    } catch (error) {
      expect(error).toBeInstanceOf(KdError);
      expect((error as KdError).code).toBe('CHECKPOINT_INVALID');
      expect((error as KdError).message).toMatch(/^folder\/teacher\.safetensors /);
      expect((error as KdError).message).toMatch(message);
      return;
    }
    expect.fail('it was read');
  });

  test('every prefix of a good file is refused', () => {
    const bytes = serializeSafetensors(every, { a: 'b' });
    for (let length = 0; length < bytes.length; length++) {
      expect(() => parseSafetensors(bytes.subarray(0, length), 'x'), `${length} bytes`).toThrow(KdError);
    }
  });

  test('a file that is not there, or a folder', async () => {
    await expect(readSafetensors(join(folder, 'absent.safetensors'))).rejects.toThrow(
      /absent\.safetensors could not be read/,
    );
    await expect(readSafetensors(folder)).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
  });
});

describe('refused tensors', () => {
  test.each<[string, HostTensor, RegExp]>([
    ['a', { dtype: 'F32', shape: [3], data: new Float32Array(2) }, /shape \[3\] does not fit 2 elements/],
    [
      'b',
      { dtype: 'F32', shape: [2], data: new Float64Array(2) },
      /F32 is held in a Float32Array, not in a Float64Array/,
    ],
    ['__metadata__', { dtype: 'F32', shape: [0], data: new Float32Array(0) }, /taken by the format/],
  ])('%s', (name, tensor, message) => {
    expect(() => serializeSafetensors(new Map([[name, tensor]]))).toThrow(message);
  });

  test('a failed write leaves the previous file', async () => {
    const path = join(folder, 'kept.safetensors');
    await writeFile(path, 'old');
    await expect(
      writeSafetensors(path, new Map([['a', { dtype: 'F32', shape: [3], data: new Float32Array(2) }]])),
    ).rejects.toThrow(KdError);
    await expect(readSafetensors(path)).rejects.toThrow(/3 bytes long/);
  });
});

describe('the hash of a file', () => {
  const bytes = serializeSafetensors(every, { note: 'a "quoted" note', training: '{"step":3}' });

  test('tells every flipped bit: of the length, the names, the shapes, the metadata, the hash itself, the data', () => {
    for (let i = 0; i < bytes.length * 8; i++) {
      const damaged = bytes.slice();
      damaged[i >> 3]! ^= 1 << (i & 7);
      expect(() => parseSafetensors(damaged, 'x'), `bit ${i & 7} of byte ${i >> 3}`).toThrow(KdError);
    }
    expect(parseSafetensors(bytes, 'x').metadata).toEqual({ note: 'a "quoted" note', training: '{"step":3}' });
  });

  test('is SHA-256 of the file with zeros in its place', () => {
    const text = Buffer.from(bytes).toString('latin1');
    const [, digits] = /"kd\.hash":"kd-sha256:([0-9a-f]{64})"/.exec(text)!;
    const zeroed = Buffer.from(text.replace(digits!, '0'.repeat(64)), 'latin1');
    expect(createHash('sha256').update(zeroed).digest('hex')).toBe(digits);
  });

  test('is not asked of files of other programs, and refused where one kept it and wrote other bytes', () => {
    const header = (metadata: string) =>
      `{"__metadata__":${metadata},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`;
    expect(parseSafetensors(file(header('{"format":"pt"}'), 1), 'x')).toMatchObject({
      metadata: { format: 'pt' },
      hashed: false,
    });
    expect(parseSafetensors(bytes, 'x').hashed).toBe(true);
    const kept = `{"kd.hash": "kd-sha256:${'0'.repeat(64)}"}`;
    expect(() => parseSafetensors(file(header(kept), 1), 'a.safetensors')).toThrow(
      /^a\.safetensors is damaged: .* must leave "kd\.hash" out of the metadata/,
    );
  });

  test('is written anew with the metadata of another file', async () => {
    const path = join(folder, 'again.safetensors');
    await writeSafetensors(path, every, { note: '1', 'kd.hash': 'kd-sha256:old' });
    expect((await readSafetensors(path)).metadata).toEqual({ note: '1' });
  });
});
