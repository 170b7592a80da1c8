const basename = (file: string): string => /[^/\\]*$/.exec(file)![0];
const ending = (file: string): string => /(?<=.)\.[^.]*$/.exec(basename(file))?.[0] ?? '';

/** The way out of a file of torch, where safetensors is wanted. */
const torch = (file: string): readonly string[] => [
  'openWeights reads it as it is. Or convert it once:',
  `  kd convert ${basename(file)} ${basename(file).slice(0, -ending(file).length || undefined)}.safetensors`,
];
const other = ['Save the weights as safetensors, under the names that torchvision gives its model of that kind.'];
const onnx = [
  ...other,
  "A teacher of features takes it as it is: teacher: ['onnx', { model, input }], of @kd/teacher-onnx.",
];

interface Kind {
  readonly what: string;
  readonly starts?: readonly (readonly number[] | string)[];
  /** Where no fixed bytes tell it. */
  readonly says?: (bytes: Uint8Array) => boolean;
  readonly endings?: readonly string[];
  readonly advice: (file: string) => readonly string[];
}

/** Whether a protocol buffer's field of text stands at a place: tag, length, and so many letters. */
function textAt(bytes: Uint8Array, at: number, tag: number): boolean {
  const [length = 0, ...letters] = bytes.subarray(at + 1, at + 10);
  const seen = letters.slice(0, length);
  return bytes[at] === tag && length > 0 && length < 128 && seen.every((letter) => letter > 0x1f && letter < 0x7f);
}

/** ModelProto: the version of the format, then who wrote it, or the list of operator sets. */
function isOnnx(bytes: Uint8Array): boolean {
  const [tag, version = 0, next] = bytes;
  return tag === 0x08 && version > 0 && version < 64 && (textAt(bytes, 2, 0x12) || next === 0x3a || next === 0x42);
}

/** SavedModel: version 1, then a graph of some kilobytes; GraphDef: a node, which begins with its name. */
function isGraph(bytes: Uint8Array): boolean {
  const saved = bytes[0] === 0x08 && bytes[1] === 1 && bytes[2] === 0x12;
  const nameOfNode = bytes[1] !== undefined && bytes[1] < 128 ? 2 : 3;
  return saved || (bytes[0] === 0x0a && textAt(bytes, nameOfNode, 0x0a));
}

/** By their first bytes; where these say nothing, by the ending of the name. */
const KINDS: readonly Kind[] = [
  { what: 'empty', says: (bytes) => bytes.length === 0, advice: () => ['Copy or download it again.'] },
  {
    what: 'a checkpoint of torch (an archive)',
    starts: ['PK'],
    endings: ['.pth', '.pt', '.ckpt', '.bin'],
    advice: torch,
  },
  { what: 'an archive (zip)', starts: ['PK'], advice: () => ['Unpack it.', ...other] },
  {
    what: 'a checkpoint of torch (a pickle)',
    starts: [
      [0x80, 2],
      [0x80, 3],
      [0x80, 4],
      [0x80, 5],
    ],
    advice: torch,
  },
  { what: 'an HDF5 file, as Keras writes it', starts: [[0x89, 0x48, 0x44, 0x46]], advice: () => other },
  {
    what: 'a web page',
    starts: ['<!DOCTYPE', '<!doctype', '<html', '<HTML'],
    advice: () => ['The download gave a page instead of the file, of a login say; download it again.'],
  },
  {
    what: 'a pointer of Git LFS',
    starts: ['version https://git-lfs'],
    advice: () => ['The file itself is fetched by: git lfs pull'],
  },
  { what: 'an archive (gzip)', starts: [[0x1f, 0x8b]], advice: () => ['Unpack it.', ...other] },
  { what: 'a model of ONNX', says: isOnnx, advice: () => onnx },
  { what: 'a graph of TensorFlow', says: isGraph, advice: () => other },
  { what: 'a model of ONNX', endings: ['.onnx'], advice: () => onnx },
  { what: 'a graph of TensorFlow', endings: ['.pb'], advice: () => other },
  {
    what: 'nothing that torch.save writes',
    endings: ['.pth', '.pt', '.ckpt'],
    advice: () => ['Copy or download it again.'],
  },
];

/** What a file that is no safetensors file is instead, and what to do with it; null where nothing tells. */
export function foreignKind(
  bytes: Uint8Array,
  file: string,
): { readonly what: string; readonly advice: readonly string[] } | null {
  const end = ending(file).toLowerCase();
  const found = KINDS.find(
    ({ starts, says, endings }) =>
      (says === undefined || says(bytes)) &&
      (starts === undefined || starts.some((start) => startsWith(bytes, start))) &&
      (endings === undefined || endings.includes(end)),
  );
  return found === undefined ? null : { what: found.what, advice: found.advice(file) };
}

const startsWith = (bytes: Uint8Array, start: readonly number[] | string): boolean =>
  [...(typeof start === 'string' ? new TextEncoder().encode(start) : start)].every((byte, i) => bytes[i] === byte);
