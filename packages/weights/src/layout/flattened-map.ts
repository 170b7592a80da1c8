/** What is known of a layer's weight in either layout: its rank, and how many channels go in and come out. */
export interface WeightSides {
  readonly rank: number;
  readonly input: number;
  readonly output: number;
}

/** A linear layer that reads a flattened map: [c, side, side] in torch, [side, side, c] here. */
export interface FlattenedMap {
  readonly channels: number;
  readonly side: number;
}

const BOX_HEAD = /^(roi_heads(?:\.\d+)?)\.box_head\.((?:fc)?\d+|\d+\.0)$/;
/** Side of torchvision's pooled regions, where no layer tells their channels. */
const POOLED = 7;

/**
 * The first linear layer of each box head, one of Faster R-CNN and one a stage of a cascade. The channels of the map
 * that it reads are those of the last convolution before it, or of the pyramid, which the RPN reads, too.
 * @param layers the weights by the name of their layer
 */
export function flattenedMaps(layers: ReadonlyMap<string, WeightSides>): ReadonlyMap<string, FlattenedMap> {
  const heads = new Map<string, { linear: string[]; convs: string[] }>();
  for (const [layer, { rank }] of layers) {
    const [, head, last] = BOX_HEAD.exec(layer) ?? [];
    if (head === undefined || last === undefined) continue;
    const of = heads.get(head) ?? { linear: [], convs: [] };
    heads.set(head, of);
    if (rank === 2 && !last.endsWith('.0')) of.linear.push(layer);
    if (rank === 4 && last.endsWith('.0')) of.convs.push(layer);
  }
  const result = new Map<string, FlattenedMap>();
  for (const { linear, convs } of heads.values()) {
    const first = linear.sort(byNumber)[0];
    if (first === undefined) continue;
    const features = layers.get(first)!.input;
    const before = layers.get(convs.sort(byNumber).at(-1) ?? '')?.output ?? layers.get('rpn.head.cls_logits')?.input;
    const channels = before ?? features / POOLED ** 2;
    const side = Math.sqrt(features / channels);
    if (Number.isInteger(channels) && Number.isInteger(side)) result.set(first, { channels, side });
  }
  return result;
}

const numberOf = (layer: string): number => Number(/(\d+)(?:\.0)?$/.exec(layer)![1]);
const byNumber = (a: string, b: string): number => numberOf(a) - numberOf(b);
