/** Whole numbers of 8 bits, and what each channel's are multiplied by. */
export interface Quantised {
  readonly values: Int8Array;
  /** [channels] */
  readonly scales: Float32Array;
}

/**
 * Weights as whole numbers from -127 to 127, symmetric around 0, with a scale for each output channel.
 * @param axis that of the output channels
 */
export function quantised(data: Float32Array, shape: readonly number[], axis: number): Quantised {
  const channels = shape[axis]!;
  const inner = shape.slice(axis + 1).reduce((product, side) => product * side, 1);
  const channelOf = (i: number): number => Math.floor(i / inner) % channels;
  const scales = new Float32Array(channels);
  data.forEach((value, i) => (scales[channelOf(i)] = Math.max(scales[channelOf(i)]!, Math.abs(value) / 127)));
  // A channel of zeros has any scale.
  scales.forEach((scale, c) => (scales[c] = scale === 0 ? 1 : scale));
  return {
    scales,
    values: Int8Array.from(data, (value, i) =>
      Math.max(-127, Math.min(127, Math.round(value / scales[channelOf(i)]!))),
    ),
  };
}
