import { DetectError } from './detect-error.js';

/** Field of an ONNX ModelProto that holds pairs of key and value. */
const METADATA_PROPS = 14;

/**
 * The text that an ONNX file holds under a key. Read from the bytes: onnxruntime's JavaScript does not hand it out.
 * @throws DetectError MODEL_INVALID for bytes that are no protobuf
 */
export function onnxMetadata(bytes: Uint8Array, key: string): string | undefined {
  let found: string | undefined;
  for (const [field, pair] of fields(bytes))
    if (field === METADATA_PROPS) {
      const entry = new Map(fields(pair));
      const text = (part: number): string => new TextDecoder().decode(entry.get(part));
      if (text(1) === key) found = text(2);
    }
  return found;
}

/** The fields of a protobuf message that hold bytes; numbers are passed over. */
function* fields(bytes: Uint8Array): Generator<[number, Uint8Array]> {
  let at = 0;
  const varint = (): number => {
    for (let value = 0, unit = 1; at < bytes.length; unit *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
    throw damaged();
  };
  while (at < bytes.length) {
    const tag = varint();
    const kind = tag % 8;
    if (kind === 0) varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else if (kind === 2) {
      const length = varint();
      if (at + length > bytes.length) throw damaged();
      yield [Math.floor(tag / 8), bytes.subarray(at, (at += length))];
    } else throw damaged();
  }
  if (at > bytes.length) throw damaged();
}

const damaged = (): DetectError =>
  new DetectError('MODEL_INVALID', 'The model is no ONNX file, or a part of one: export it again, or load it anew.');
