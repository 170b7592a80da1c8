import { boxOf, clip, type Corners, deltaBox, levelPriors } from './dense-boxes.js';
import { type Found, kept, mapOf, type Output, sigmoid } from './dense-detections.js';
import { DetectError } from './detect-error.js';
import type { TwoStageDetections } from './exported-model.js';
import { descending } from './nms.js';
import { pooledRegions } from './region-pooling.js';
import type { Size } from './resize.js';

/** What a box head says of n regions. */
export interface HeadOutput {
  /** [n, k + 1], the background first */
  readonly logits: ArrayLike<number>;
  /** [n, (k + 1)·4], or [n, 4] */
  readonly deltas: ArrayLike<number>;
}

/** Runs the box head of a stage on pooled regions [n, s, s, c]. */
export type RunHead = (stage: number, pooled: Float32Array, shape: readonly number[]) => Promise<HeadOutput>;

/**
 * What the maps of a two-stage detector come to: proposals of the first stage, pooled, and what the box heads make of
 * them, one after the other.
 * @param maps by name and level, `cls@p3`, and `neck@p3` that regions are pooled from
 * @param strides of the levels, finest first
 */
export async function regionDetections(
  maps: Readonly<Record<string, Output>>,
  strides: readonly number[],
  { imageSize, paddedSize }: { readonly imageSize: Size; readonly paddedSize: Size },
  post: TwoStageDetections,
  run: RunHead,
): Promise<Found[]> {
  const { classes, pooling, stages } = post;
  const names = strides.map((stride) => `neck@p${Math.log2(stride)}`).filter((name) => maps[name] !== undefined);
  const channels = maps[names[0] ?? '']?.dims[3];
  if (channels === undefined)
    throw new DetectError('MODEL_INVALID', 'The model gave no map that regions are pooled from: export it again.');
  const levels = names.map((name) => mapOf(maps, name, channels));
  let boxes = proposals(maps, strides, imageSize, paddedSize, post.proposals);
  const sums = new Float32Array(boxes.length * (classes + 1));
  const found: Found[] = [];
  for (const [i, { boxes: code, classAgnostic }] of boxes.length === 0 ? [] : stages.entries()) {
    const shape = [boxes.length, pooling.outputSize, pooling.outputSize, channels];
    const { logits, deltas } = await run(i, pooledRegions(boxes, levels, channels, imageSize, pooling), shape);
    const perRegion = classAgnostic ? 1 : classes + 1;
    sums.forEach((sum, at) => (sums[at] = sum + logits[at]!));
    const decoded = (region: number, label: number): Float32Array => {
      const at = 4 * (region * perRegion + (classAgnostic ? 0 : label + 1));
      return clip(deltaBox(deltas as Float32Array, at, boxes[region] as unknown as Corners, code), imageSize);
    };
    if (i === stages.length - 1)
      for (let region = 0; region < boxes.length; region++)
        probabilities(sums, region * (classes + 1), classes, stages.length).forEach((score, label) => {
          if (score > post.scoreThresh) found.push({ box: decoded(region, label), score, label });
        });
    else boxes = boxes.map((_, region) => decoded(region, likeliest(logits, region, classes)));
  }
  const { minSide = -Infinity } = post;
  const large = found.filter(({ box }) => box[2]! - box[0]! >= minSide && box[3]! - box[1]! >= minSide);
  return kept(large, post.nmsThresh, post.detectionsPerImg);
}

/** The best anchors of each level, with NMS within the level, and the best of all. */
function proposals(
  maps: Readonly<Record<string, Output>>,
  strides: readonly number[],
  imageSize: Size,
  paddedSize: Size,
  how: TwoStageDetections['proposals'],
): readonly Float32Array[] {
  const large = (side: number): boolean => (how.minSizeInclusive ? side >= how.minSize : side > how.minSize);
  const all = strides.flatMap((stride, level) => {
    const map = (name: string, length: number) => mapOf(maps, `${name}@p${Math.log2(stride)}`, length);
    const [cls, reg] = [map(how.maps.cls, how.priorsPerCell), map(how.maps.reg, 4 * how.priorsPerCell)];
    const priors = levelPriors(how.priors, level, cls.size, paddedSize);
    return descending(cls.data)
      .slice(0, how.preNmsTopN)
      .map((prior): Found & { readonly box: Float32Array } => ({
        box: clip(boxOf(reg.data, prior, priors, how.boxes), imageSize),
        score: Math.fround(sigmoid(cls.data[prior]!)),
        label: level,
      }))
      .filter(({ box, score }) => score >= how.scoreThresh && large(box[2]! - box[0]!) && large(box[3]! - box[1]!));
  });
  return kept(all, how.nmsThresh, how.postNmsTopN).map(({ box }) => box as Float32Array);
}

/** Softmax of the mean logits of a region, without the background. */
function probabilities(sums: Float32Array, at: number, classes: number, stages: number): number[] {
  const means = Array.from(sums.subarray(at, at + classes + 1), (sum) => sum / stages);
  const highest = Math.max(...means);
  const shares = means.map((mean) => Math.exp(mean - highest));
  const whole = shares.reduce((sum, share) => sum + share, 0);
  return shares.slice(1).map((share) => Math.fround(share / whole));
}

/** The class of highest logit; the background is none. */
function likeliest(logits: ArrayLike<number>, region: number, classes: number): number {
  const own = Array.from({ length: classes }, (_, label) => logits[region * (classes + 1) + 1 + label]!);
  return own.indexOf(Math.max(...own));
}
