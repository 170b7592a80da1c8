import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { openWeights } from '../weights-file.js';

const folder = mkdtempSync(join(tmpdir(), 'kd-hostile-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Part = string | number | readonly number[] | Uint8Array;
/** Bytes by hand: text as it is, numbers as bytes. */
const bytes = (...parts: readonly Part[]): Buffer =>
  Buffer.concat(
    parts.map((part) =>
      typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(typeof part === 'number' ? [part] : part),
    ),
  );
const u32 = (value: number): Buffer => {
  const four = Buffer.alloc(4);
  four.writeUInt32LE(value);
  return four;
};
const u64 = (value: bigint): Buffer => {
  const eight = Buffer.alloc(8);
  eight.writeBigUInt64LE(value);
  return eight;
};
const text = (value: string): Buffer => bytes('X', u32(value.length), value);
const pickle = (...parts: readonly Part[]): Buffer => bytes(0x80, 2, ...parts, '.');

/** The older container: magic number, version, machine, the object, names of storages, storages. */
const legacy = (object: Buffer, keys: readonly string[] = [], storages: Buffer = Buffer.alloc(0)): Buffer =>
  bytes(
    pickle(0x8a, 10, Buffer.from('6cfc9c46f9206aa85019', 'hex')),
    pickle('M', [0xe9, 3]),
    pickle('}'),
    object,
    pickle(']', ...keys.flatMap((key) => [text(key), 'a'])),
    storages,
  );
const FLOATS = 'ctorch\nFloatStorage\n';
const storage = (key: string, elements: number): Buffer =>
  bytes('(', text('storage'), FLOATS, text(key), text('cpu'), 'J', u32(elements), 'NtQ');
/** One tensor under the name `w`. */
const tensorOf = (of: Buffer, offset: Part, shape: Part, strides: Part): Buffer =>
  pickle('}', text('w'), 'ctorch._utils\n_rebuild_tensor_v2\n(', of, offset, shape, strides, 0x89, '}tR', 's');
const four = bytes(u64(4n), Buffer.from(new Float32Array([1, 2, 3, 4]).buffer));
const tupleOf = (...sides: number[]): Buffer => bytes('(', ...sides.flatMap((side) => ['J', u32(side)]), 't');
/** Four floats of storage 0. */
const weight = bytes(
  'ctorch._utils\n_rebuild_tensor_v2\n(',
  storage('0', 4),
  'K\0',
  tupleOf(4),
  tupleOf(1),
  0x89,
  '}tR',
);
/** A dict of the weight as `state_dict`, and of what is `meta`. */
const checkpointWith = (...meta: readonly Part[]): Part[] => [
  '}',
  text('state_dict'),
  '}',
  text('w'),
  weight,
  's',
  's',
  text('meta'),
  ...meta,
  's',
];
const good = legacy(tensorOf(storage('0', 4), 'K\0', tupleOf(4), tupleOf(1)), ['0'], four);

function archive(entries: Readonly<Record<string, Uint8Array>>): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, data] of Object.entries(entries)) {
    const sum = Buffer.alloc(4);
    sum.writeUInt32LE(crc32(data));
    const about = bytes([10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0], sum, u32(data.length), u32(data.length), [
      name.length,
      0,
      0,
      0,
    ]);
    locals.push(bytes('PK', 3, 4, about, name, data));
    directory.push(bytes('PK', 1, 2, [10, 0], about, Buffer.alloc(10), u32(at), name));
    at += locals.at(-1)!.length;
  }
  const count = [directory.length, 0];
  const size = u32(Buffer.concat(directory).length);
  return bytes(...locals, ...directory, 'PK', 5, 6, [0, 0, 0, 0], count, count, size, u32(at), [0, 0]);
}
const zipped = (object: Buffer, more: Readonly<Record<string, Uint8Array>> = {}): Buffer =>
  archive({ 'x/data.pkl': object, ...more });

let made = 0;
const write = (content: Uint8Array): string => {
  const path = join(folder, `${made++}.pth`);
  writeFileSync(path, content);
  return path;
};

/** Reads all that there is. */
async function read(content: Uint8Array): Promise<Map<string, number[]>> {
  const { values } = await openWeights(write(content));
  return new Map([...values].map(([name, { data }]) => [name, [...data].map(Number)]));
}

async function errorOf(content: Uint8Array): Promise<string> {
  const error = await read(content).then(
    () => undefined,
    (thrown: Error & { code?: string }) => thrown,
  );
  expect(error, 'it was read').toBeDefined();
  expect(error!.code, error!.stack!).toBe('CHECKPOINT_INVALID');
  return error!.message;
}

test('what the tests write by hand is read', async () => {
  const values = new Map([['w', [1, 2, 3, 4]]]);
  expect(await read(good)).toEqual(values);
  const object = tensorOf(storage('0', 4), 'K\0', tupleOf(4), tupleOf(1));
  expect(await read(zipped(object, { 'x/data/0': four.subarray(8) }))).toEqual(values);
});

describe('code in a pickle is told, and not run', () => {
  const flag = join(folder, 'executed');
  const command = text(`touch ${flag}`);
  test.each([
    [
      'GLOBAL and REDUCE',
      pickle('cos\nsystem\n(', command, 'tR'),
      /asks for os\.system, which.*not run.*Delete the file/,
    ],
    ['posix', pickle('cposix\nsystem\n(', command, 'tR'), /asks for posix\.system/],
    ['builtins', pickle('c__builtin__\neval\n(', text('1'), 'tR'), /asks for __builtin__\.eval/],
    [
      'STACK_GLOBAL',
      bytes(0x80, 4, 0x8c, 2, 'os', 0x8c, 6, 'system', 0x93, '(', command, 'tR.'),
      /asks for os\.system/,
    ],
    ['NEWOBJ', pickle('csubprocess\nPopen\n(', command, 't', 0x81), /asks for subprocess\.Popen/],
    [
      'handed to another function',
      pickle('cfunctools\npartial\n(cos\nsystem\n', command, 'tR'),
      /asks for os\.system, which/,
    ],
    ['INST', pickle('(', command, 'ios\nsystem\n'), /instruction 0x69 is none that torch\.save writes/],
    ['OBJ of another class', pickle('(cfoo\nBar\n', command, 'o'), /instruction 0x6f is none that torch\.save writes/],
    ['OBJ', pickle('(cos\nsystem\n', command, 'o'), /asks for os\.system/],
    ['inside of a state dict', pickle('}', text('w'), 'cos\nsystem\n(', command, 'tRs'), /asks for os\.system/],
  ])('%s', async (_, object, message) => {
    for (const content of [legacy(object), zipped(object)]) {
      expect(await errorOf(content)).toMatch(message);
      await expect(readFile(flag)).rejects.toThrow(/ENOENT/);
    }
  });

  test('an unknown class is a record, whatever it is called with', async () => {
    const object = pickle(
      '}',
      text('state_dict'),
      '}',
      text('w'),
      bytes('ctorch._utils\n_rebuild_tensor_v2\n(', storage('0', 4), 'K\0', tupleOf(4), tupleOf(1), 0x89, '}tR'),
      's',
      's',
      text('other'),
      'canywhere\nThing\n(',
      text('x'),
      'tR}',
      text('k'),
      'K\x01sb',
      's',
    );
    expect(await read(legacy(object, ['0'], four))).toEqual(new Map([['w', [1, 2, 3, 4]]]));
  });
});

describe('damaged and lying files end in one error with its place', () => {
  test.each<[string, Buffer, RegExp]>([
    [
      'an empty stack',
      legacy(pickle('s')),
      /at byte \d+ of the file, in the pickle of the object, it takes a value where none is/,
    ],
    ['a memo that was never filled', legacy(pickle('h\x05')), /refers to value 5, which it never had/],
    ['a mark that was never set', legacy(pickle('t')), /closes what was never opened/],
    ['an append to a dict', legacy(pickle('}Na')), /it appends to a dict/],
    ['a key of a list', legacy(pickle(']NNs')), /it sets a key of a list/],
    ['attributes of a text', legacy(pickle(text('x'), '}b')), /it gives attributes to a string/],
    [
      'a text longer than the file',
      legacy(pickle('X', u32(0xffffffff))),
      /4294967295 bytes should follow, but only \d+ do/,
    ],
    ['bytes of 2^63', legacy(bytes(0x80, 4, 0x8e, u64(1n << 63n))), /announces 9223372036854775808 bytes/],
    ['a frame of 2^62', legacy(bytes(0x80, 4, 0x95, u64(1n << 62n))), /announces 4611686018427387904 bytes/],
    ['protocol 9', legacy(bytes(0x80, 9)), /of protocol 9, which torch\.save does not write/],
    ['a name without an end', legacy(pickle('c', 'x'.repeat(5000))), /a name is longer than 4096 bytes/],
    [
      'a storage of an unknown kind',
      legacy(
        tensorOf(
          bytes('(', text('storage'), 'cx\nY\n', text('0'), text('cpu'), 'K\x04NtQ'),
          'K\0',
          tupleOf(4),
          tupleOf(1),
        ),
      ),
      /a storage is of the unknown kind x\.Y/,
    ],
    [
      'a tensor beyond its storage',
      legacy(tensorOf(storage('0', 4), 'K\x01', tupleOf(4), tupleOf(1)), ['0'], four),
      /reaches to element 4 of a storage of 4/,
    ],
    [
      'sides without strides',
      legacy(tensorOf(storage('0', 4), 'K\0', tupleOf(2, 2), tupleOf(1)), ['0'], four),
      /2 sides and 1 strides/,
    ],
    [
      'a negative side',
      legacy(tensorOf(storage('0', 4), 'K\0', bytes('(J', [255, 255, 255, 255], 't'), tupleOf(1)), ['0'], four),
      /the shape of a tensor.*no list of whole numbers/,
    ],
    [
      'a storage that says it is longer',
      legacy(tensorOf(storage('0', 4), 'K\0', tupleOf(4), tupleOf(1)), ['0'], bytes(u64(1n << 60n), four.subarray(8))),
      /announces 1152921504606846976 elements of 4 bytes, but only 16 bytes follow/,
    ],
    [
      'a storage that is shorter than its tensor',
      legacy(tensorOf(storage('0', 9), 'K\0', tupleOf(4), tupleOf(1)), ['0'], four),
      /its storage 0 has 16 bytes, but 36 are wanted/,
    ],
    ['storages that nothing refers to', legacy(pickle('}'), ['7']), /a storage 7 that nothing refers to/],
    [
      'a pickle of another program',
      bytes(pickle('}', text('a'), 'K\x01s')),
      /a pickle, but not one that torch\.save wrote/,
    ],
    [
      'another version',
      bytes(pickle(0x8a, 10, Buffer.from('6cfc9c46f9206aa85019', 'hex')), pickle('K\x05')),
      /its version is 5 instead of 1001/,
    ],
    ['no weights', legacy(pickle('}', text('epoch'), 'K\x03s')), /holds no state dict: a dict of epoch/],
    ['a web page', Buffer.from('<!DOCTYPE html><html>404</html>'), /a web page/],
    ['nothing', Buffer.alloc(0), /is empty.*Copy or download it again/s],
    [
      'an archive without a pickle',
      archive({ 'a/b.txt': Buffer.from('x') }),
      /an archive \(zip\) without the entry data\.pkl/,
    ],
    [
      'a way out of the folder',
      archive({ 'x/data.pkl': pickle('}'), '../../etc/passwd': Buffer.from('x') }),
      /invalid relative path: \.\.\/\.\.\/etc\/passwd/,
    ],
    [
      'an absolute path',
      archive({ 'x/data.pkl': pickle('}'), '/etc/passwd': Buffer.from('x') }),
      /absolute path: \/etc\/passwd/,
    ],
    [
      'a storage with a way out',
      zipped(tensorOf(storage('../data.pkl', 4), 'K\0', tupleOf(4), tupleOf(1))),
      /its storage data\/\.\.\/data\.pkl is not there/,
    ],
    [
      'an entry of another size',
      zipped(tensorOf(storage('0', 4), 'K\0', tupleOf(4), tupleOf(1)), { 'x/data/0': Buffer.alloc(15) }),
      /is 15 bytes long, but 16 are wanted: 4 elements of float32/,
    ],
  ])('%s', async (_, content, message) => {
    expect(await errorOf(content)).toMatch(message);
  });

  test('whole numbers of any length are read, up to 255 bytes', async () => {
    const numbers = [
      bytes(0x8a, 255, Array<number>(255).fill(0x7f)),
      bytes(0x8a, 8, Array<number>(8).fill(0xff)),
      bytes(0x8a, 0),
    ];
    const { meta } = await openWeights(
      write(
        legacy(pickle(...checkpointWith('}', ...numbers.flatMap((one, i) => [text(`n${i}`), one, 's']))), ['0'], four),
      ),
    );
    expect(meta).toEqual({ n0: String(BigInt(`0x${'7f'.repeat(255)}`)), n1: -1, n2: 0 });
  });

  test('a flipped bit in an archive is told by the sum of its entry', async () => {
    const content = zipped(tensorOf(storage('0', 4), 'K\0', tupleOf(4), tupleOf(1)), { 'x/data/0': four.subarray(8) });
    const at = content.indexOf(four.subarray(8));
    content[at + 5]! ^= 4;
    expect(await errorOf(content)).toMatch(/entry x\/data\/0 is damaged/);
  });
});

describe('bombs do not go off', () => {
  test('a tensor of 2^60 elements out of four, by strides of 0', async () => {
    const sides = tupleOf(1 << 20, 1 << 20, 1 << 20);
    const content = legacy(tensorOf(storage('0', 4), 'K\0', sides, tupleOf(0, 0, 0)), ['0'], four);
    expect(await errorOf(content)).toMatch(/its tensors would take 4611686018427388000 bytes, out of a file of \d+/);
  });

  test.each([
    ['two million marks', pickle('('.repeat(2_000_000)), /more than 1000 levels/],
    ['two million values', pickle('N'.repeat(2_000_000)), /more than 1048576 values on its stack/],
    [
      'a dict made anew from one that is there, a thousand times',
      pickle(
        '}(',
        ...Array.from({ length: 20_000 }, (_, i) => bytes('M', [i & 255, i >> 8], 'N')),
        'uq\0',
        bytes('ccollections\nOrderedDict\nh\0\x85R'.repeat(1000)),
      ),
      /more than 8388608 values/,
    ],
  ])('%s', async (_, object, message) => {
    expect(await errorOf(legacy(object))).toMatch(message);
  });

  test('a list of lists of lists, each ten times the one before', async () => {
    const laughs = Array.from({ length: 30 }, (_, i) =>
      bytes(']q', i + 1, '(', ...Array<Part>(10).fill([0x68, i]), 'e'),
    );
    const nested = pickle(']q\0', ...laughs, '}', text('w'), weight, 's', text('l'), 'h', 30, 's');
    // The lists stay on the stack below the dict, which is what was saved.
    expect(await errorOf(legacy(nested, ['0'], four))).toMatch(/more than 262144 values where the weights are/);
    const inMeta = pickle(']q\0', ...laughs, ...checkpointWith('h', 30));
    const weights = await openWeights(write(legacy(inMeta, ['0'], four)));
    expect(JSON.stringify(weights.meta)).toContain('more than can be shown');
  });

  test('what refers to itself is read once', async () => {
    const own = pickle(
      '}q\0',
      text('self'),
      'h\0s',
      text('w'),
      bytes('ctorch._utils\n_rebuild_tensor_v2\n(', storage('0', 4), 'K\0', tupleOf(4), tupleOf(1), 0x89, '}tR'),
      's',
    );
    expect(await read(legacy(own, ['0'], four))).toEqual(new Map([['w', [1, 2, 3, 4]]]));
  });
});

describe('files that were cut short', () => {
  test.each(['protocol2.pth', 'protocol4.pth', 'legacy2.pth', 'tar.pth', 'mmengine.pth', 'mmengine_legacy.pth'])(
    '%s, at every 97th byte',
    async (name) => {
      const whole = await readFile(
        fileURLToPath(new URL(`../../../../tests/reference/torch/${name}`, import.meta.url)),
      );
      // An archive (tar) ends with blocks of nothing.
      const end = name === 'tar.pth' ? whole.indexOf(Buffer.alloc(1024), 4096) - 512 : whole.length;
      for (let length = 1; length < end; length += 97) expect(await errorOf(whole.subarray(0, length))).not.toBe('');
    },
  );
});
