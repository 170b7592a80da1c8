import type { RanOp } from '@kd/core';

/** A field of a protocol buffer: a number, or the bytes of a text or a message. */
interface Field {
  readonly number: number;
  readonly value: bigint | Uint8Array;
}

function* fieldsOf(bytes: Uint8Array): Generator<Field, void, undefined> {
  let at = 0;
  const varint = (): bigint => {
    for (let value = 0n, shift = 0n; ; shift += 7n) {
      const byte = BigInt(bytes[at++]!);
      value |= (byte & 0x7fn) << shift;
      if (byte < 0x80n) return value;
    }
  };
  const skipped = (length: number): Uint8Array => bytes.subarray(at, (at += length));
  while (at < bytes.length) {
    const tag = Number(varint());
    const [number, kind] = [tag >> 3, tag & 7];
    // Kinds 1 and 5 are numbers of 8 and 4 bytes, of which there are none that anybody reads.
    yield { number, value: kind === 0 ? varint() : skipped(kind === 2 ? Number(varint()) : kind === 1 ? 8 : 4) };
  }
}

const messages = (bytes: Uint8Array, number: number): Uint8Array[] =>
  [...fieldsOf(bytes)].flatMap((field) => (field.number === number ? [field.value as Uint8Array] : []));

/** Of `NodeExecStats`, in nanoseconds; `op*` since `allStart`. */
const NODE = { name: 1, label: 8, allStart: 13, opStart: 14, opEnd: 15 } as const;
const text = new TextDecoder();

/**
 * When the nodes of a graph ran.
 * @param metadata a `RunMetadata`: step_stats (1), of each device (1), of each node (2)
 * @param parts of the trace; the nodes of one have its place in their names
 * @param began when the run did, as `performance.now()` tells it
 */
export function ranOps(metadata: Uint8Array, parts: readonly string[], began: number): RanOp[] {
  const nodes = messages(metadata, 1)
    .flatMap((stats) => messages(stats, 1))
    .flatMap((device) => messages(device, 2))
    .map((node) => new Map([...fieldsOf(node)].map(({ number, value }) => [number, value])));
  const read = (node: Map<number, Field['value']>) => {
    const bytes = (number: number): string => text.decode(node.get(number) as Uint8Array | undefined);
    const time = (number: number): bigint => (node.get(number) as bigint | undefined) ?? 0n;
    const start = time(NODE.allStart);
    return {
      name: bytes(NODE.name),
      // "[mklcpu 4.9MB 4.9MB] part1/Conv2D_2 = _MklNativeConv2D(…)"
      op: / = (\w+)\(/.exec(bytes(NODE.label))?.[1],
      start: start + time(NODE.opStart),
      end: start + time(NODE.opEnd),
    };
  };
  const ran = nodes.map(read);
  const first = ran.reduce((least, { start }) => (start < least ? start : least), ran[0]?.start ?? 0n);
  const milliseconds = (time: bigint): number => began + Number(time - first) / 1e6;
  return ran.map(({ name, op, start, end }) => ({
    part: parts[Number(/(?:^|[/_])part(\d+)\//.exec(name)?.[1])] ?? '',
    op: op ?? name,
    start: milliseconds(start),
    end: milliseconds(end),
  }));
}

/** What the nodes of a part are called, for {@link ranOps}. */
export const scopeOf = (place: number): string => `part${place}`;
