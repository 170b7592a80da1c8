import type { StoredSettings } from '@kd/core';

const THREE = (value: number): readonly [number, number, number] => [value, value, value];

/**
 * The pixels that EfficientNet-Lite was trained on: each channel less 127, by 128, red first. Its files do not say it;
 * their names tell what they are, those of the program as well as ours. The plain EfficientNets, which squeeze and
 * excite, have other pixels.
 */
export function liteSettings(names: Iterable<string>): StoredSettings | undefined {
  const list = [...names];
  const has = (part: RegExp): boolean => list.some((name) => part.test(name));
  if (!has(/(?:^|\.)_conv_stem[./]/) || !has(/(?:^|\.)_blocks\.\d+\._depthwise_conv[./]/) || has(/\._se_/))
    return undefined;
  return {
    program: 'EfficientNet-Lite',
    from: 'names',
    input: { mean: THREE(127), std: THREE(128), range: 255, channels: 'rgb' },
  };
}
