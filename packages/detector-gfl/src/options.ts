import type { NormKind } from '@kd/vision';
import {
  denseEntries,
  denseShape,
  type DenseShape,
  fractionNumber,
  lossWeight as weight,
  MOST,
  positiveNumber,
  strictOptions,
  towerEntries,
  towerNorm,
  wholeNumber,
} from '@kd/vision';
import * as v from 'valibot';

const entries = {
  ...denseEntries,
  reluBeforeP7: v.optional(v.boolean(), false),
  head: v.optional(
    strictOptions({
      ...towerEntries,
      norm: v.optional(towerNorm, 'group'),
    }),
    {},
  ),
  anchorScale: v.optional(positiveNumber, 8),
  assigner: v.optional(strictOptions({ topk: v.optional(wholeNumber(1, MOST.rows), 9) }), {}),
  post: v.optional(
    strictOptions({
      scoreThresh: v.optional(fractionNumber, 0.05),
      nmsThresh: v.optional(fractionNumber, 0.6),
      detectionsPerImg: v.optional(wholeNumber(1, MOST.rows), 100),
      topkCandidates: v.optional(wholeNumber(1, MOST.rows), 1000),
    }),
    {},
  ),
};

export const atssSchema = strictOptions({
  ...entries,
  lossWeights: v.optional(strictOptions({ classification: weight(1), box: weight(2), centerness: weight(1) }), {}),
});

export const gflSchema = strictOptions({
  ...entries,
  regMax: v.optional(wholeNumber(1, 1024), 16),
  lossWeights: v.optional(strictOptions({ classification: weight(1), box: weight(2), distribution: weight(0.25) }), {}),
});

export type AtssInput = v.InferInput<typeof atssSchema>;
export type AtssOptions = v.InferOutput<typeof atssSchema>;
export type GflInput = v.InferInput<typeof gflSchema>;
export type GflOptions = v.InferOutput<typeof gflSchema>;

interface Resolved extends DenseShape {
  readonly norm: NormKind;
  readonly head: {
    readonly depth: number;
    readonly channels: number;
    readonly norm: 'none' | 'group';
    readonly groups: number;
  };
}

/** The options of both detectors, with every default worked in. */
export type SharedConfig = Omit<v.InferOutput<v.StrictObjectSchema<typeof entries, undefined>>, keyof Resolved> &
  Resolved;
export type AtssConfig = SharedConfig & Pick<AtssOptions, 'lossWeights'>;
export type GflConfig = SharedConfig & Pick<GflOptions, 'lossWeights' | 'regMax'>;

/** Works in what follows from other options: strides of the levels, width of the head, what of the backbone trains. */
export function resolveConfig(options: AtssOptions): AtssConfig;
export function resolveConfig(options: GflOptions): GflConfig;
export function resolveConfig(options: AtssOptions | GflOptions): AtssConfig | GflConfig {
  const { channels = options.fpnChannels, ...head } = options.head;
  return { ...options, ...denseShape(options), head: { ...head, channels } };
}
