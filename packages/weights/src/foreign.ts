import { basename, extname } from 'node:path';

/** The way out of a file of torch, where safetensors is wanted. */
const torch = (file: string): readonly string[] => [
  'openWeights reads it as it is. Or convert it once:',
  `  kd convert ${basename(file)} ${basename(file, extname(file))}.safetensors`,
];
const other = ['Save the weights as safetensors, under the names that torchvision gives its model of that kind.'];

interface Kind {
  readonly what: string;
  readonly starts?: readonly (readonly number[] | string)[];
  readonly endings?: readonly string[];
  readonly advice: (file: string) => readonly string[];
}

/** By their first bytes; where these say nothing, by the ending of the name. */
const KINDS: readonly Kind[] = [
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
  { what: 'a model of ONNX', endings: ['.onnx'], advice: () => other },
  { what: 'a graph of TensorFlow', endings: ['.pb'], advice: () => other },
  {
    what: 'named like a checkpoint of torch, but nothing that torch.save writes, and',
    endings: ['.pth', '.pt', '.ckpt'],
    advice: () => ['Copy or download it again.'],
  },
];

/** What a file that is no safetensors file is instead, and what to do with it; null where nothing tells. */
export function foreignKind(
  bytes: Uint8Array,
  file: string,
): { readonly what: string; readonly advice: readonly string[] } | null {
  const ending = extname(file).toLowerCase();
  const found = KINDS.find(
    ({ starts, endings }) =>
      (starts === undefined || starts.some((start) => startsWith(bytes, start))) &&
      (endings === undefined || endings.includes(ending)),
  );
  return found === undefined ? null : { what: found.what, advice: found.advice(file) };
}

const startsWith = (bytes: Uint8Array, start: readonly number[] | string): boolean =>
  [...(typeof start === 'string' ? new TextEncoder().encode(start) : start)].every((byte, i) => bytes[i] === byte);
