import { readFileSync } from 'node:fs';

/** A host batch of normalised pixels in a file, with the boxes of each image, labelled 1, 2, … 10, 1, … */
export function readBatch(file, shape, perImage) {
  const bytes = readFileSync(file);
  const [b, h, w] = shape;
  return {
    images: new Float32Array(bytes.buffer, bytes.byteOffset, b * h * w * 3),
    shape,
    boxes: Float32Array.from(perImage.flat(2)),
    labels: Int32Array.from(perImage.flat(), (_, i) => 1 + (i % 10)),
    mask: new Float32Array(perImage.flat().length).fill(1),
    maxBoxes: perImage[0].length,
    imageSizes: perImage.map(() => [h, w]),
    originalSizes: perImage.map(() => [h, w]),
    ids: perImage.map((_, i) => i),
  };
}
