import {
  type Annotation,
  type AugmentSpec,
  type Category,
  createRng,
  type Dataset,
  type DatasetSource,
  type HostBatch,
  type ImageRecord,
  KdError,
  type Loader,
  type LoaderOptions,
  type PreparedImages,
  type TeacherInput,
} from '@kd/core';

export interface ToyDataOptions {
  readonly images?: number;
  readonly seed?: number;
  /** Side of the square images in pixels. */
  readonly size?: number;
}

const CATEGORIES: readonly Category[] = [
  { id: 1, name: 'red' },
  { id: 2, name: 'blue' },
];

/**
 * Red and blue rectangles on noise, made up in memory. Every third image has no object. The same seed makes the same
 * images.
 * Augmentations: `{ name: 'flip', probability }`.
 */
export function toyData({ images = 8, seed = 0, size = 32 }: ToyDataOptions = {}): DatasetSource {
  const spec = { format: 'toy', images, seed, size };
  return {
    name: 'toy',
    spec,
    open: async () =>
      dataset(
        Array.from({ length: images }, (_, id) => record(id, size, seed)),
        seed,
      ),
  };
}

function record(id: number, size: number, seed: number): ImageRecord {
  const rng = createRng(seed, 'objects', id);
  const annotations = Array.from({ length: id % 3 }, (_, i): Annotation => {
    const [width, height] = [rng.int(size / 4, size / 2), rng.int(size / 4, size / 2)];
    const [x, y] = [rng.int(0, size - width), rng.int(0, size - height)];
    return {
      id: id * 10 + i,
      box: [x, y, x + width, y + height],
      label: rng.int(0, 1),
      area: width * height,
      ignore: false,
    };
  });
  return { id, file: `toy-${id}`, width: size, height: size, annotations };
}

function dataset(images: readonly ImageRecord[], seed: number): Dataset {
  return { name: 'toy', categories: CATEGORIES, images, loader: (options) => loader(images, seed, options) };
}

function loader(images: readonly ImageRecord[], dataSeed: number, options: LoaderOptions): Loader {
  for (const { name } of options.augment) {
    if (name !== 'flip')
      throw new KdError('CONFIG_INVALID', `the toy data knows no augmentation "${name}"; it knows flip.`);
  }
  const { batchSize, dropLast, shuffle, seed, indices } = options;
  const wanted = indices?.map((index) => images[index]!) ?? images;
  const steps = (dropLast ? Math.floor : Math.ceil)(wanted.length / batchSize);
  return {
    steps,
    epoch: async function* (index, from = 0) {
      const order = shuffle ? createRng(seed, 'order', index).shuffle(wanted) : wanted;
      for (let step = from; step < steps; step++) {
        const records = order.slice(step * batchSize, (step + 1) * batchSize);
        const by = (input: TeacherInput): HostBatch =>
          assemble(
            records.map((image) =>
              draw(image, dataSeed, { ...options, input }, createRng(seed, 'augment', index, image.id)),
            ),
            input.sizeDivisible,
          );
        const extra = options.extraInputs?.map((input) => prepared(by(input), input));
        yield { ...by(options.input), ...(extra && { extra }) };
      }
    },
    stats: { waitedMs: 0, skipped: [] },
    close: async () => {},
  };
}

/** The images alone, their axes in the order of the rule. */
function prepared({ images, shape, imageSizes }: HostBatch, { layout }: TeacherInput): PreparedImages {
  const [b, h, w] = shape;
  if (layout !== 'nchw') return { data: images, shape, imageSizes };
  const data = Float32Array.from({ length: images.length }, (_, at) => {
    const [image, c, cell] = [Math.floor(at / (3 * h * w)), Math.floor(at / (h * w)) % 3, at % (h * w)];
    return images[(image * h * w + cell) * 3 + c]!;
  });
  return { data, shape: [b, 3, h, w], imageSizes };
}

interface Drawn {
  readonly image: ImageRecord;
  readonly flipped: boolean;
  /** [h, w, 3], normalised */
  readonly pixels: Float32Array;
  readonly height: number;
  readonly width: number;
  readonly boxes: readonly (readonly number[])[];
  readonly labels: readonly number[];
}

function draw(
  image: ImageRecord,
  seed: number,
  { input, augment, training }: LoaderOptions,
  rng: ReturnType<typeof createRng>,
): Drawn {
  const longest = Math.min(
    (input.minSize.at(-1) ?? image.width) / Math.min(image.height, image.width),
    input.maxSize / Math.max(image.height, image.width),
  );
  const [height, width] = input.fixedSize ?? [Math.floor(image.height * longest), Math.floor(image.width * longest)];
  const flipped =
    training &&
    augment.filter((spec: AugmentSpec) => rng.uniform() < Number(spec['probability'] ?? 0.5)).length % 2 === 1;
  const noise = createRng(seed, 'noise', image.id);
  const grey = Float32Array.from({ length: image.width * image.height }, () => 0.3 * noise.uniform());
  const pixels = new Float32Array(height * width * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sourceX = Math.floor(((flipped ? width - 1 - x : x) * image.width) / width);
      const sourceY = Math.floor((y * image.height) / height);
      const object = image.annotations.find(
        ({ box }) => sourceX >= box[0] && sourceX < box[2] && sourceY >= box[1] && sourceY < box[3],
      );
      for (let c = 0; c < 3; c++) {
        const value = object !== undefined && c === object.label * 2 ? 1 : grey[sourceY * image.width + sourceX]!;
        pixels[(y * width + x) * 3 + c] = (value - input.mean[c]!) / input.std[c]!;
      }
    }
  }
  const [scaleX, scaleY] = [width / image.width, height / image.height];
  const boxes = image.annotations.map(({ box: [x1, y1, x2, y2] }) =>
    flipped
      ? [width - x2 * scaleX, y1 * scaleY, width - x1 * scaleX, y2 * scaleY]
      : [x1 * scaleX, y1 * scaleY, x2 * scaleX, y2 * scaleY],
  );
  return { image, flipped, pixels, height, width, boxes, labels: image.annotations.map(({ label }) => label) };
}

/** Pads images and ground truth to the largest of the batch, as every data source does. */
function assemble(drawn: readonly Drawn[], divisible: number): HostBatch {
  const padded = (side: number): number => Math.ceil(side / divisible) * divisible;
  const [height, width] = [
    padded(Math.max(...drawn.map((one) => one.height))),
    padded(Math.max(...drawn.map((one) => one.width))),
  ];
  const maxBoxes = Math.max(...drawn.map(({ labels }) => labels.length));
  const images = new Float32Array(drawn.length * height * width * 3);
  const boxes = new Float32Array(drawn.length * maxBoxes * 4);
  const labels = new Int32Array(drawn.length * maxBoxes);
  const mask = new Float32Array(drawn.length * maxBoxes);
  drawn.forEach((one, b) => {
    for (let y = 0; y < one.height; y++)
      images.set(one.pixels.subarray(y * one.width * 3, (y + 1) * one.width * 3), (b * height + y) * width * 3);
    boxes.set(one.boxes.flat(), b * maxBoxes * 4);
    labels.set(one.labels, b * maxBoxes);
    mask.fill(1, b * maxBoxes, b * maxBoxes + one.labels.length);
  });
  return {
    images,
    shape: [drawn.length, height, width, 3],
    boxes,
    labels,
    mask,
    maxBoxes,
    imageSizes: drawn.map((one) => [one.height, one.width]),
    originalSizes: drawn.map(({ image }) => [image.height, image.width]),
    ids: drawn.map(({ image }) => image.id),
    flipped: drawn.map(({ flipped }) => flipped),
  };
}
