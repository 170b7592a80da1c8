/** Files that people give instead of ONNX, by their first bytes: what each is, and the way from there to ONNX. */
const OTHERS: readonly (readonly [what: string, todo: string, is: (start: Buffer) => boolean])[] = [
  [
    'a checkpoint of torch (a zip container)',
    'Write the network as ONNX with torch.onnx.export.',
    (start) => start.toString('latin1', 0, 4) === 'PK\x03\x04',
  ],
  [
    'a pickle, probably a checkpoint of torch',
    'Write the network as ONNX with torch.onnx.export.',
    (start) => start[0] === 0x80 && start[1]! >= 2 && start[1]! <= 5,
  ],
  [
    'a page of HTML',
    'A download that asked for a login or did not find the file gives such a page: download the file itself.',
    (start) => /^(?:\ufeff|\s)*<(?:!doctype|html|\?xml)/i.test(start.toString('utf8')),
  ],
  [
    'a pointer of Git LFS',
    'Fetch the file itself: git lfs pull.',
    (start) => start.toString('latin1', 0, 24) === 'version https://git-lfs.',
  ],
  [
    'a file of HDF5, as Keras writes it',
    'Write the network as ONNX with tf2onnx.',
    (start) => start.toString('latin1', 1, 4) === 'HDF' && start[0] === 0x89,
  ],
  [
    'a file of safetensors, which holds weights without a network',
    'Write the network as ONNX with the program that has it.',
    (start) => start[8] === 0x7b && start.subarray(5, 8).every((byte) => byte === 0),
  ],
  [
    'a file of TensorFlow Lite',
    'Write the network as ONNX with tf2onnx, which reads it.',
    (start) => start.toString('latin1', 4, 8) === 'TFL3',
  ],
  [
    "onnxruntime's own format (.ort), whose graph only onnxruntime reads",
    'Give the .onnx that it was made of.',
    (start) => start.toString('latin1', 4, 8) === 'ORTM',
  ],
  [
    'JSON',
    'A model of TensorFlow.js is a teacher of @kd/teacher-tfjs.',
    (start) => /^\s*[{[]/.test(start.toString('utf8')),
  ],
];

/** What a file is that is no ONNX, with what to do; null where its first bytes do not tell. */
export function otherFile(start: Buffer): { readonly what: string; readonly todo: string } | null {
  const found = OTHERS.find(([, , is]) => is(start));
  return found === undefined ? null : { what: found[0], todo: found[1] };
}
