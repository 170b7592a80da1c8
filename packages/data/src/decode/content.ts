const JPEG = [0xff, 0xd8, 0xff];
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

const starts = (bytes: Uint8Array, magic: readonly number[], at = 0): boolean =>
  magic.every((byte, i) => bytes[at + i] === byte);
const ascii = (text: string): number[] => [...text].map((c) => c.charCodeAt(0));

/**
 * The format by the first bytes, never by the name; null for anything else. Known here and not left to the decoder,
 * which would also render SVG and PDF, that is run a document as an image.
 */
export function imageFormat(bytes: Uint8Array): 'jpeg' | 'png' | 'gif' | 'webp' | 'tiff' | 'avif' | 'bmp' | null {
  if (starts(bytes, JPEG)) return 'jpeg';
  if (starts(bytes, PNG)) return 'png';
  if (starts(bytes, ascii('GIF8'))) return 'gif';
  if (starts(bytes, ascii('RIFF')) && starts(bytes, ascii('WEBP'), 8)) return 'webp';
  if (starts(bytes, [0x49, 0x49, 0x2a, 0]) || starts(bytes, [0x4d, 0x4d, 0, 0x2a])) return 'tiff';
  if (starts(bytes, ascii('ftypavif'), 4)) return 'avif';
  if (starts(bytes, ascii('BM')) && starts(bytes, [0, 0, 0], 15)) return 'bmp'; // a size of header below 256 follows
  return null;
}

/**
 * Whether a PNG runs to its end chunk: the decoder stops as soon as it has the pixels and does not notice a cut behind
 * them.
 */
export function pngIsWhole(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = PNG.length; at + 12 <= bytes.length; ) {
    const end = at + 12 + view.getUint32(at);
    if (starts(bytes, ascii('IEND'), at + 4)) return end <= bytes.length;
    at = end;
  }
  return false;
}
