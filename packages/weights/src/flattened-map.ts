/** What is known of a layer's weight in either layout: its rank, and how many channels go in and come out. */
export interface WeightSides {
  readonly rank: number;
  readonly input: number;
  readonly output: number;
}

/** A linear layer that reads a flattened map: [c, side, side] in torch, [side, side, c] here. */
export interface FlattenedMap {
  readonly layer: string;
  readonly channels: number;
  readonly side: number;
}

const LINEAR = /^roi_heads\.box_head\.(?:fc)?(\d+)$/;
const CONVOLUTION = /^roi_heads\.box_head\.(\d+)\.0$/;
/** Side of torchvision's pooled regions, where no layer tells their channels. */
const POOLED = 7;

/**
 * The first linear layer of torchvision's box head. The channels of the map that it reads are those of the last
 * convolution before it, or of the pyramid, which the RPN reads, too.
 * @param layers the weights by the name of their layer
 */
export function flattenedMap(layers: ReadonlyMap<string, WeightSides>): FlattenedMap | undefined {
  const numbered = (pattern: RegExp, rank: number): string[] =>
    [...layers]
      .filter(([layer, sides]) => pattern.test(layer) && sides.rank === rank)
      .map(([layer]) => layer)
      .sort((a, b) => Number(pattern.exec(a)![1]) - Number(pattern.exec(b)![1]));
  const layer = numbered(LINEAR, 2)[0];
  if (layer === undefined) return undefined;
  const features = layers.get(layer)!.input;
  const before = layers.get(numbered(CONVOLUTION, 4).at(-1) ?? '')?.output ?? layers.get('rpn.head.cls_logits')?.input;
  const channels = before ?? features / POOLED ** 2;
  const side = Math.sqrt(features / channels);
  return Number.isInteger(channels) && Number.isInteger(side) ? { layer, channels, side } : undefined;
}
