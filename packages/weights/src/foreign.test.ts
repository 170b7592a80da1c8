import { expect, test } from 'vitest';
import { parseSafetensors } from './safetensors.js';

const text = (start: string): Uint8Array => new TextEncoder().encode(start.padEnd(64, ' '));
const bytes = (...start: number[]): Uint8Array => Uint8Array.from({ length: 64 }, (_, i) => start[i] ?? 0);

test.each([
  [
    'torchvision.pth',
    bytes(0x50, 0x4b, 3, 4),
    /a checkpoint of torch.*openWeights.*kd convert torchvision\.pth torchvision\.safetensors/s,
  ],
  ['old.pt', bytes(0x80, 2, 0x8a), /a checkpoint of torch \(a pickle\).*kd convert old\.pt old\.safetensors/s],
  ['short.pth', bytes(0x50), /nothing that torch.save writes.*download it again/s],
  ['weights.zip', bytes(0x50, 0x4b, 3, 4), /an archive \(zip\).*Unpack it/s],
  ['weights.h5', bytes(0x89, 0x48, 0x44, 0x46, 0x0d), /an HDF5 file, as Keras writes it.*as safetensors/s],
  [
    'model.onnx',
    bytes(8, 7),
    /a model of ONNX.*as safetensors.*\nA teacher of features takes it as it is: teacher: \['onnx'/s,
  ],
  ['saved_model.pb', bytes(8, 1), /a graph of TensorFlow.*as safetensors/s],
  ['model.safetensors', text('<!DOCTYPE html>'), /a web page.*download it again/s],
  ['model.safetensors', text('version https://git-lfs.github.com/spec/v1'), /a pointer of Git LFS.*git lfs pull/s],
  [
    'weights.bin',
    bytes(8, 8, 0x12, 7, ...Buffer.from('pytorch')),
    /a model of ONNX.*as safetensors.*\nA teacher of features takes it as it is: teacher: \['onnx'/s,
  ],
  ['weights', bytes(8, 1, 0x12, 0xe5, 0x8a, 0x07, 0x0a), /a graph of TensorFlow.*as safetensors/s],
  ['frozen', bytes(0x0a, 0x37, 0x0a, 5, ...Buffer.from('input')), /a graph of TensorFlow.*as safetensors/s],
  ['model.tgz', bytes(0x1f, 0x8b), /an archive \(gzip\)/],
])('%s is named for what it is, with what to do (%#)', (file, content, message) => {
  expect(() => parseSafetensors(content, file)).toThrow(
    expect.objectContaining({ code: 'CHECKPOINT_INVALID', message: expect.stringMatching(message) as string }) as Error,
  );
});

test('a damaged file of our own is still told as one', () => {
  expect(() => parseSafetensors(bytes(9), 'best.safetensors')).toThrow(/its header is not valid JSON/);
});
