/** Numbers of a network, stored once whoever reads them: by its name, that of the layer and `weight`, `bias`, …. */
export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Zeros around a map: top, left, bottom, right; or TensorFlow's `same`, whose odd zero goes to the end. */
export type Pads = readonly [top: number, left: number, bottom: number, right: number] | 'same';

export type Activation = 'relu' | 'relu6' | 'sigmoid' | 'hardsigmoid' | 'hardswish' | 'exp';

/** What a node computes. Maps are [b, h, w, c]. */
export type Op =
  | {
      readonly op: 'conv';
      /** [kh, kw, in / groups, out] */
      readonly kernel: Weight;
      /** [out] */
      readonly bias?: Weight;
      readonly strides: readonly [y: number, x: number];
      readonly pads: Pads;
      /** As many as channels: a depthwise convolution. */
      readonly groups: number;
      readonly dilations: readonly [y: number, x: number];
    }
  /** `hardsigmoid` is torch's, `relu6(x + 3) / 6`; `hardswish` x times it. */
  | { readonly op: Activation }
  /** Times a number. */
  | { readonly op: 'scale'; readonly factor: number }
  /** Times `scale` [c] plus `shift` [c]: a norm of fixed statistics that no convolution could take up. */
  | { readonly op: 'affine'; readonly scale: Weight; readonly shift: Weight }
  /** torch's: over groups of consecutive channels of an image, then times `scale` [c] plus `shift` [c]. */
  | {
      readonly op: 'groupnorm';
      readonly groups: number;
      readonly epsilon: number;
      readonly scale: Weight;
      readonly shift: Weight;
    }
  /** Of maps of one size, or with [b, 1, 1, c]. */
  | { readonly op: 'add' | 'mul' }
  /** Along the channels. */
  | { readonly op: 'concat' }
  | {
      readonly op: 'maxpool' | 'avgpool';
      readonly size: readonly [y: number, x: number];
      readonly strides: readonly [y: number, x: number];
      /** Cells that never are the maximum, and that a mean does not count. */
      readonly pads: Pads;
    }
  /** Zeros around a map. */
  | { readonly op: 'pad'; readonly pads: readonly [number, number, number, number] }
  /** Mean over height and width, [b, 1, 1, c]. */
  | { readonly op: 'globalpool' }
  /** The first input at height and width of the second by the nearest neighbour, `floor(i · in / out)`. */
  | { readonly op: 'nearest' }
  /** [b, h, w, c] as it lies, [b, h·w·c] */
  | { readonly op: 'flatten' }
  /** [b, in] to [b, out]; `kernel` [in, out], `bias` [out] */
  | { readonly op: 'dense'; readonly kernel: Weight; readonly bias?: Weight };

export type Node = Op & {
  /** The layer's name, torchvision's path; of a layer that stands in several places, with `@1`, `@2`, … behind it. */
  readonly id: string;
  /** Ids of nodes, or of the graph's input. */
  readonly inputs: readonly string[];
  /** Channels of what it gives. */
  readonly channels: number;
};

/** A network of operators that every format has, each node after those that it reads. */
export interface NetworkGraph {
  /** Id of [b, h, w, c] that it starts from. */
  readonly input: { readonly id: string; readonly channels: number };
  readonly nodes: readonly Node[];
  /** Ids of nodes, in the order of the tensors asked for. */
  readonly outputs: readonly string[];
}
