// Depthwise convolutions of MobileNetV2 and V3 on the maps of a 320 x 320 input, 8 images, forward and both gradients.
import { convolutionCases } from './convolution-cases.mjs';

export const name = 'depthwise';

const CASES = [
  [160, 32, 1, 3],
  [160, 96, 2, 3],
  [80, 144, 1, 3],
  [80, 144, 2, 3],
  [40, 192, 1, 3],
  [20, 384, 1, 3],
  [20, 576, 2, 3],
  [10, 960, 1, 3],
  [20, 240, 1, 5],
];

export const run = ({ peer }) => convolutionCases(CASES, 8, peer);
