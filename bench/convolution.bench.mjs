// Convolutions of 3 x 3 of ResNets and heads on the maps of a 320 x 320 input, and their stem, 2 images, forward and both
// gradients. KD_BENCH_OWN_CONVOLUTIONS=false leaves ours to oneDNN.
import { convolutionCases } from './convolution-cases.mjs';

export const name = 'convolution';

const CASES = [
  [80, 64, 1, 3, 64],
  [40, 128, 1, 3, 128],
  [40, 256, 1, 3, 256],
  [20, 256, 1, 3, 256],
  [10, 256, 1, 3, 256],
  [40, 256, 1, 3, 36],
  [40, 256, 1, 3, 819],
  [320, 3, 2, 7, 64],
];

export const run = ({ peer }) => convolutionCases(CASES, 2, peer);
