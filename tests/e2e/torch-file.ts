import type { NamedTensors } from '@kd/core';

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number): Buffer => Buffer.concat([u32(value), u32(0)]);
const text = (value: string): Buffer => Buffer.concat([Buffer.from('X'), u32(value.length), Buffer.from(value)]);
const integer = (value: number): Buffer => Buffer.concat([Buffer.from('J'), u32(value)]);
const tuple = (...items: readonly Buffer[]): Buffer => Buffer.concat([Buffer.from('('), ...items, Buffer.from('t')]);
const dict = (entries: readonly (readonly [string, Buffer])[]): Buffer =>
  Buffer.concat([Buffer.from('}('), ...entries.flatMap(([key, value]) => [text(key), value]), Buffer.from('u')]);
const pickle = (...parts: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.from([0x80, 2]), ...parts, Buffer.from('.')]);

/** State dicts of float32 as `torch.save` wrote them before 1.6, several in one file by their keys. */
export function legacyCheckpoint(dicts: Readonly<Record<string, NamedTensors>>): Buffer {
  const storages: Buffer[] = [];
  const tensor = (shape: readonly number[], data: Float32Array): Buffer => {
    const key = String(storages.length);
    storages.push(Buffer.concat([u64(data.length), Buffer.from(data.buffer, data.byteOffset, data.byteLength)]));
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, side) => product * side, 1));
    const id = tuple(
      text('storage'),
      Buffer.from('ctorch\nFloatStorage\n'),
      text(key),
      text('cpu'),
      integer(data.length),
      Buffer.from('N'),
    );
    return Buffer.concat([
      Buffer.from('ctorch._utils\n_rebuild_tensor_v2\n'),
      tuple(
        Buffer.concat([id, Buffer.from('Q')]),
        integer(0),
        tuple(...shape.map(integer)),
        tuple(...strides.map(integer)),
        Buffer.from([0x89]),
        Buffer.from('}'),
      ),
      Buffer.from('R'),
    ]);
  };
  const object = dict(
    Object.entries(dicts).map(([key, tensors]) => [
      key,
      dict([...tensors].map(([name, { shape, data }]) => [name, tensor(shape, data as Float32Array)])),
    ]),
  );
  return Buffer.concat([
    pickle(Buffer.from([0x8a, 10]), Buffer.from('6cfc9c46f9206aa85019', 'hex')),
    pickle(integer(1001)),
    pickle(Buffer.from('}')),
    pickle(object),
    pickle(Buffer.from(']('), ...storages.map((_, i) => text(String(i))), Buffer.from('e')),
    ...storages,
  ]);
}
