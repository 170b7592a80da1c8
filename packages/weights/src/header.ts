import { duplicateKey, isObject, KdError, messageOf, shown } from '@kd/core/plain';
import { DTYPES, elementCount, isDtype, type Dtype } from './dtypes.js';
import { foreignKind } from './foreign.js';

export interface TensorEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Bytes from the start of the data section. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  /** In the order of the header. */
  readonly entries: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Where the data section starts in the file. */
  readonly dataStart: number;
}

/** The format's own limit: no header of a real model comes near it, but a damaged length often goes beyond. */
const MAX_HEADER = 100_000_000;

/**
 * Reads and checks the header of a safetensors file: that every byte of the data belongs to exactly one tensor of a
 * fitting size.
 */
export function readHeader(bytes: Uint8Array, where: string): Header {
  const fail = (why: string, advice = 'Copy or download it again.', cause?: unknown): never => {
    const kind = foreignKind(bytes, where);
    if (kind !== null)
      throw new KdError('CHECKPOINT_INVALID', [`${where} is ${kind.what}, not a safetensors file.`, ...kind.advice], {
        cause,
      });
    throw new KdError('CHECKPOINT_INVALID', `${where} is not a usable safetensors file: ${why}. ${advice}`, { cause });
  };
  if (bytes.byteLength < 8)
    fail(`it is ${bytes.byteLength} bytes long, shorter than the 8 bytes of the header's length`);
  const length64 = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length64 > BigInt(MAX_HEADER)) {
    fail(
      `its first 8 bytes announce a header of ${length64} bytes, more than the format allows`,
      'It is probably another kind of file.',
    );
  }
  const length = Number(length64);
  if (8 + length > bytes.byteLength)
    fail(`it announces a header of ${length} bytes, but only ${bytes.byteLength - 8} follow: it was cut short`);

  let json: unknown;
  let text = '';
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length));
    json = JSON.parse(text);
  } catch (cause) {
    fail(`its header is not valid JSON (${messageOf(cause)})`, 'Copy or download it again.', cause);
  }
  if (!isObject(json)) return fail('its header is not a JSON object');
  const twice = duplicateKey(text);
  if (twice !== null) fail(`its header has ${shown(twice.key)} twice`, 'Write it again with distinct names.');

  const entries: TensorEntry[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(json)) {
    if (name === '__metadata__') {
      if (!isObject(value) || !Object.values(value).every((v) => typeof v === 'string'))
        fail('its __metadata__ is not a map of strings');
      metadata = { ...(value as Record<string, string>) };
    } else {
      const entry = readEntry(name, value);
      if (typeof entry === 'string')
        fail(`tensor ${shown(name)}: ${entry}`, 'Write it again with a current safetensors library.');
      else entries.push(entry);
    }
  }
  const available = bytes.byteLength - 8 - length;
  const problem = coverage(entries, available);
  if (problem !== null) fail(problem);
  return { entries, metadata, dataStart: 8 + length };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** The entry, or what is wrong with it. */
function readEntry(name: string, value: unknown): TensorEntry | string {
  if (!isObject(value)) return 'its entry is not an object with dtype, shape and data_offsets';
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) return `unknown dtype ${shown(dtype)}; known are ${Object.keys(DTYPES).join(', ')}`;
  if (!Array.isArray(shape) || !shape.every(isCount)) return `its shape ${shown(shape)} is not a list of sizes`;
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    return `its data_offsets ${shown(offsets)} are not two offsets`;
  }
  const [begin, end] = offsets as [number, number];
  const wanted = elementCount(shape) * DTYPES[dtype].bytes;
  if (end - begin !== wanted) {
    return `its data_offsets [${begin}, ${end}] span ${end - begin} bytes, but ${dtype} of shape [${shape.join(', ')}] takes ${wanted}`;
  }
  return { name, dtype, shape, begin, end };
}

/** What keeps the entries from covering the data section exactly once, or null. */
function coverage(entries: readonly TensorEntry[], available: number): string | null {
  let position = 0;
  let previous = '';
  for (const entry of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin < position)
      return `tensor "${entry.name}" at byte ${entry.begin} overlaps "${previous}", which ends at ${position}`;
    if (entry.begin > position)
      return `${entry.begin - position} bytes at ${position} belong to no tensor (the next is "${entry.name}")`;
    if (entry.end > available)
      return `tensor "${entry.name}" ends at byte ${entry.end} of the data, but only ${available} are there: it was cut short`;
    position = entry.end;
    previous = entry.name;
  }
  return position === available ? null : `${available - position} bytes follow the last tensor and belong to none`;
}
