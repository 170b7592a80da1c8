import type { DenseDetections } from '@kd/core';
import { decodedBoxes, priorBoxes, rowsAt } from './boxes.js';
import type { OnnxBuilder } from './builder.js';
import { countOf } from './count-of.js';
import type { Candidates } from './kept-detections.js';
import type { OnnxMap } from './network.js';

/** Maps of a dense head by name, a level each. */
export type LevelMaps = Readonly<Record<string, readonly OnnxMap[]>>;

export interface CandidateOptions extends Omit<DenseDetections, 'kind' | 'nmsThresh' | 'detectionsPerImg'> {
  /** Of a region proposal network: the threshold is enough, and a level is the label, as NMS is within levels. */
  readonly proposals?: boolean;
}

/** The best pairs of prior and class of each level, decoded: all levels one after the other. */
export function denseCandidates(b: OnnxBuilder, maps: LevelMaps, post: CandidateOptions, images: OnnxMap): Candidates {
  const { cls, reg, quality } = post.maps;
  const levels = maps[cls]!.map((map, level) =>
    bestOfLevel(
      b,
      { cls: map, reg: maps[reg]![level]!, quality: quality === undefined ? undefined : maps[quality]![level]! },
      post,
      level,
      images,
    ),
  );
  const joined = (part: keyof Candidates): string =>
    levels.length === 1
      ? levels[0]![part]
      : b.node(
          'Concat',
          levels.map((level) => level[part]),
          { axis: 1 },
        );
  return { boxes: joined('boxes'), scores: joined('scores'), labels: joined('labels'), valid: joined('valid') };
}

interface Level {
  readonly cls: OnnxMap;
  readonly reg: OnnxMap;
  readonly quality: OnnxMap | undefined;
}

function bestOfLevel(
  b: OnnxBuilder,
  { cls, reg, quality }: Level,
  post: CandidateOptions,
  level: number,
  images: OnnxMap,
): Candidates {
  const { classes, priorsPerCell, flavour, scoreThresh, topkCandidates, proposals = false } = post;
  const rows = (map: OnnxMap, shape: readonly number[]): string =>
    b.node('Reshape', [b.node('Transpose', [map.name], { perm: [0, 2, 3, 1] }), b.ints(shape)]);
  // torchvision chooses by the product with the quality; a sigmoid does not change the order of logits.
  const product = quality !== undefined && flavour === 'torchvision';
  const ranked = product
    ? geometricScores(b, rows(cls, [0, -1, classes]), rows(quality, [0, -1, 1]))
    : rows(cls, [0, -1]);
  const pairs = cls.size && cls.size[0] * cls.size[1] * priorsPerCell * classes;
  const [values, at] = b.many('TopK', [ranked, countOf(b, ranked, pairs, topkCandidates)], 2, { axis: 1 }) as [
    string,
    string,
  ]; // [b, k]
  const own = product ? values : b.node('Sigmoid', [values]);
  const valid = b.node(proposals ? 'GreaterOrEqual' : 'Greater', [own, b.floats([scoreThresh], [])]);
  const count = b.ints([classes], []);
  const prior = b.node('Div', [at, count]);
  const scores =
    quality === undefined || product
      ? own
      : b.node('Mul', [
          own,
          b.node('Sigmoid', [b.node('GatherElements', [rows(quality, [0, -1]), prior], { axis: 1 })]),
        ]);
  const codes = post.boxes.code === 'distribution' ? 4 * post.boxes.bins : 4;
  return {
    scores,
    valid,
    labels: proposals ? b.node('Expand', [b.ints([level], []), b.node('Shape', [at])]) : b.node('Mod', [at, count]),
    boxes: decodedBoxes(
      b,
      post.boxes,
      rowsAt(b, rows(reg, [0, -1, codes]), prior),
      priorBoxes(b, prior, post.priors, level, cls, images),
    ),
  };
}

/** sqrt(sigmoid(cls) · sigmoid(quality)) of [b, a, k] and [b, a, 1], as [b, a·k] */
function geometricScores(b: OnnxBuilder, cls: string, quality: string): string {
  const product = b.node('Mul', [b.node('Sigmoid', [cls]), b.node('Sigmoid', [quality])]);
  return b.node('Reshape', [b.node('Sqrt', [product]), b.ints([0, -1])]);
}
