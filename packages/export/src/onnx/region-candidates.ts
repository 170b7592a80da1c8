import { rowsAt, deltaBoxes } from './boxes.js';
import type { OnnxBuilder } from './builder.js';
import { denseCandidates, type LevelMaps } from './dense-detections.js';
import { type Candidates, clipped, type Kept, keptDetections, NONE } from './kept-detections.js';
import { type OnnxMap, writeNetwork } from './network.js';
import { pooledRegions, scalesOf } from './pooled-regions.js';
import type { SecondStage } from '../network/second-stage.js';

export interface FirstStage {
  /** Of the region proposal network. */
  readonly maps: LevelMaps;
  /** What regions are pooled from. */
  readonly levels: readonly OnnxMap[];
  /** What the network reads, and of the size before padding. */
  readonly padded: OnnxMap;
  readonly images: OnnxMap;
}

/** Every class of every proposal, with the box that the stages make of it. */
export function regionCandidates(b: OnnxBuilder, second: SecondStage, first: FirstStage): Candidates {
  const { classes, pooling, stages, scoreThresh } = second.detections;
  const { levels, images } = first;
  const proposed = proposals(b, second, first);
  const pyramid = { levels, pooling, scales: scalesOf(levels, second.strides, images, pooling) };
  const one = b.ints([1]);
  const objects = (rows: string): string => b.node('Slice', [rows, one, b.ints([classes + 1]), one]);
  let boxes = b.node('Unsqueeze', [proposed.boxes, one]); // [m, 1, 4], and of the last stage [m, k, 4]
  const all = second.heads.map((head, i) => {
    const { boxes: code, classAgnostic } = stages[i]!;
    const { features, inOrder } = pooledRegions(b, b.node('Squeeze', [boxes, one]), proposed.image, pyramid);
    const [logits, deltas] = writeNetwork(b, head, features).map(({ name }) => inOrder(name)) as [string, string];
    const codes = b.node('Reshape', [deltas, b.ints([0, classAgnostic ? 1 : classes + 1, 4])]);
    if (i === stages.length - 1) boxes = deltaBoxes(b, code, classAgnostic ? codes : objects(codes), boxes);
    else {
      const own = classAgnostic ? codes : rowsAt(b, codes, likeliest(b, objects(logits)));
      boxes = clipped(b, deltaBoxes(b, code, own, boxes), images);
    }
    return logits;
  });
  const mean = all.length === 1 ? all[0]! : b.node('Div', [b.node('Sum', all), b.floats([all.length], [])]);
  const scores = objects(b.node('Softmax', [mean], { axis: 1 })); // [m, k]
  const laid = laidOut(b, proposed, scores, [classes], NONE); // [b, p, k]
  const flat = b.ints([0, -1]);
  const rows = b.node('Reshape', [laid, flat]);
  const each = b.ints(
    Array.from({ length: classes }, (_, i) => i),
    [1, 1, classes],
  );
  return {
    scores: rows,
    labels: b.node('Reshape', [b.node('Expand', [each, b.node('Shape', [laid])]), flat]),
    valid: b.node('Greater', [rows, b.floats([scoreThresh], [])]),
    boxes: b.node('Reshape', [
      laidOut(b, proposed, b.node('Expand', [boxes, b.ints([1, classes, 1])]), [classes, 4], 0),
      b.ints([0, -1, 4]),
    ]),
  };
}

/** What the first stage proposes: the same as a detector of one class, with NMS within its levels. */
function proposals(b: OnnxBuilder, { detections }: SecondStage, { maps, padded, images }: FirstStage): Kept {
  const { proposals: how } = detections;
  const found = denseCandidates(
    b,
    maps,
    { ...how, classes: 1, flavour: 'torchvision', topkCandidates: how.preNmsTopN, proposals: true },
    padded,
  );
  return keptDetections(b, found, images, {
    classes: maps[how.maps.cls]!.length,
    nmsThresh: how.nmsThresh,
    detectionsPerImg: how.postNmsTopN,
    minSide: how.minSize,
    minSideInclusive: how.minSizeInclusive,
  });
}

/** The class of highest logit, counted from 1, as the background is 0: [m, k] to [m, 1]. */
const likeliest = (b: OnnxBuilder, logits: string): string =>
  b.node('Add', [b.node('ArgMax', [logits], { axis: 1 }), b.ints([1], [])]);

/** Rows of proposals [m, …] at their places, [b, p, …]. */
function laidOut(
  b: OnnxBuilder,
  { places, ranks }: Kept,
  rows: string,
  inner: readonly number[],
  otherwise: number,
): string {
  const shape = b.node('Concat', [b.node('Shape', [ranks]), b.ints(inner)], { axis: 0 });
  return b.node('ScatterND', [b.node('Expand', [b.floats([otherwise], []), shape]), places, rows]);
}
