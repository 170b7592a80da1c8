import type { NameMap } from './name-map.js';
import { batchNorms, COUNTERS } from './torchvision.js';

const CLASSIFIER = "the classifier's last layers; a detector has a head of its own";

/** EfficientNet-Lite as efficientnet_lite_pytorch names it, and `efficientnet-lite` here behind its path. */
export const efficientnetLite: NameMap = {
  id: 'efficientnet-lite',
  family: 'efficientnet',
  title: 'an EfficientNet-Lite classifier',
  detector: null,
  theirs: { has: ['_conv_stem', '_blocks.{b}._depthwise_conv'] },
  rules: [
    '_conv_stem',
    '_bn0',
    '_blocks.{b}._expand_conv',
    '_blocks.{b}._depthwise_conv',
    '_blocks.{b}._project_conv',
    '_blocks.{b}._bn{i}',
  ].map((name) => ({ theirs: name, ours: `backbone.body.${name}` })),
  ignored: [...COUNTERS, ['_conv_head.{rest}', CLASSIFIER], ['_bn1.{rest}', CLASSIFIER], ['_fc.{rest}', CLASSIFIER]],
  foreign: [
    ['_blocks.{b}._se_{rest}', 'squeeze and excitation (EfficientNet-B0 to B7), which the Lite versions do without'],
  ],
  needs: [batchNorms('_bn0.running_mean')],
};
