import { boxOf, clip, codeLength, levelPriors } from './dense-boxes.js';
import { DetectError } from './detect-error.js';
import type { DenseDetections } from './exported-model.js';
import { descending, nms } from './nms.js';
import type { Size } from './resize.js';

/** A tensor that a model gave. */
export interface Output {
  readonly data: ArrayLike<number | bigint>;
  readonly dims: readonly number[];
}

/** Boxes in pixels of the resized image, best first. */
export interface Found {
  /** x1 y1 x2 y2 */
  readonly box: ArrayLike<number>;
  readonly score: number;
  readonly label: number;
}

/**
 * What maps [1, h, w, c] of one image come to, a map a level: the best pairs of prior and class of each level above the
 * threshold, their boxes clipped to the image, NMS per class over all levels.
 * @param maps by name and level, `cls@p3`
 * @param strides of the levels, finest first
 */
export function denseDetections(
  maps: Readonly<Record<string, Output>>,
  strides: readonly number[],
  { imageSize, paddedSize }: { readonly imageSize: Size; readonly paddedSize: Size },
  post: DenseDetections,
): Found[] {
  const found: Found[] = [];
  strides.forEach((stride, level) => {
    const map = (name: string, channels: number) => mapOf(maps, `${name}@p${Math.log2(stride)}`, channels);
    const cls = map(post.maps.cls, post.priorsPerCell * post.classes);
    const reg = map(post.maps.reg, post.priorsPerCell * codeLength(post.boxes));
    const quality = post.maps.quality === undefined ? undefined : map(post.maps.quality, post.priorsPerCell).data;
    const priors = levelPriors(post.priors, level, cls.size, paddedSize);
    for (const { pair, score } of candidates(cls.data, quality, post)) {
      const box = clip(boxOf(reg.data, Math.floor(pair / post.classes), priors, post.boxes), imageSize);
      if (post.flavour === 'mmdet' && !(box[2]! > box[0]! && box[3]! > box[1]!)) continue;
      found.push({ box, score, label: pair % post.classes });
    }
  });
  return kept(found, post.nmsThresh, post.detectionsPerImg);
}

/** What suppression within each label leaves, the best first. */
export function kept(found: readonly Found[], threshold: number, limit: number): Found[] {
  const column = <Key extends 'score' | 'label'>(key: Key): number[] => found.map((one) => one[key]);
  const boxes = found.map(({ box }) => box as Float32Array);
  return nms(boxes, column('score'), column('label'), threshold, limit).map((i) => found[i]!);
}

/** A map of the first image, of which the number of channels is known. */
export function mapOf(maps: Readonly<Record<string, Output>>, name: string, channels: number) {
  const map = maps[name];
  if (map?.dims.length !== 4 || map.dims[3] !== channels)
    throw new DetectError(
      'MODEL_INVALID',
      `The model gave no map ${name} of ${channels} channels${map ? `, but [${map.dims.join(', ')}]` : ''}: export it again.`,
    );
  const [, h, w] = map.dims as readonly [number, number, number, number];
  return { data: (map.data as Float32Array).subarray(0, h * w * channels), size: [h, w] as const };
}

export const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** The logit of a probability, a little lower: what is near is compared exactly afterwards. */
const logitOf = (probability: number): number =>
  probability <= 0 ? -Infinity : probability >= 1 ? Infinity : Math.log(probability / (1 - probability)) - 1e-3;

/** The best pairs of one level, the first one best; scores in float32. */
function candidates(
  cls: Float32Array,
  quality: Float32Array | undefined,
  { flavour, classes, scoreThresh, topkCandidates }: DenseDetections,
): { readonly pair: number; readonly score: number }[] {
  const limit = Math.fround(scoreThresh);
  const pairs: number[] = [];
  const values: number[] = [];
  const geometric = flavour === 'torchvision' && quality;
  const plainCut = logitOf(scoreThresh);
  for (let prior = 0; prior * classes < cls.length; prior++) {
    // Most pairs lie below: a comparison spares them the exponential.
    const sure = geometric ? sigmoid(geometric[prior]!) : 1;
    const cut = geometric ? logitOf(scoreThresh ** 2 / sure) : plainCut;
    for (let pair = prior * classes; pair < (prior + 1) * classes; pair++) {
      if (!(cls[pair]! >= cut)) continue;
      const value = Math.fround(geometric ? Math.sqrt(sigmoid(cls[pair]!) * sure) : sigmoid(cls[pair]!));
      if (!(value > limit)) continue;
      pairs.push(pair);
      values.push(value);
    }
  }
  return descending(values)
    .slice(0, topkCandidates)
    .map((i) => {
      const pair = pairs[i]!;
      const own = flavour === 'mmdet' ? quality?.[Math.floor(pair / classes)] : undefined;
      return { pair, score: own === undefined ? values[i]! : Math.fround(values[i]! * sigmoid(own)) };
    });
}
