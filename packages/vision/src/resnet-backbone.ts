import { API_VERSION, type Backbone, type BackboneContext, type BackboneDefinition, defineBackbone } from '@kd/core';
import { input } from '@tensorflow/tfjs-layers';
import * as v from 'valibot';
import { initialiseLayers } from './initializers.js';
import { networkBuilder } from './network-builder.js';
import { buildResnet, RESNETS, type ResnetShape } from './resnet.js';
import { MOST, strictOptions, wholeNumber } from './strict-options.js';

export const resnetShape = strictOptions({
  block: v.picklist(['basic', 'bottleneck']),
  layers: v.pipe(v.array(wholeNumber(1, MOST.layers)), v.length(4)),
  width: wholeNumber(1, MOST.width),
  style: v.optional(v.picklist(['pytorch', 'caffe'], 'must be "pytorch" or "caffe"')),
  groups: v.optional(wholeNumber(1, MOST.width)),
  widthPerGroup: v.optional(wholeNumber(1, MOST.width)),
});

/** The stem counts as one part; its norm trains with it. */
const PARTS = [['layer4'], ['layer3'], ['layer2'], ['layer1'], ['conv1', 'bn1']];

function createResnet(shape: ResnetShape, { path, norm, seed }: BackboneContext): Backbone {
  const builder = networkBuilder();
  const images = input({ shape: [null, null, 3], name: 'images' });
  const stages = buildResnet(builder, images, { ...shape, norm, path });
  initialiseLayers(builder.layers, seed, () => ({ kernel: { kind: 'kaiming-normal-fan-out' } }));
  return { images, stages, layers: builder.layers, parts: PARTS };
}

const shared = { apiVersion: API_VERSION, trainableLayers: PARTS.length };

/** A ResNet or ResNeXt of any depths and width. */
export const resnet = defineBackbone<ResnetShape, v.InferInput<typeof resnetShape>>({
  ...shared,
  name: 'resnet',
  options: resnetShape,
  create: createResnet,
});

/** What the detectors bring along: {@link resnet}, and the usual depths by torchvision's names. */
export const resnets: readonly BackboneDefinition[] = [
  resnet.definition as BackboneDefinition,
  ...Object.entries(RESNETS).map(
    ([name, shape]) =>
      defineBackbone({
        ...shared,
        name,
        options: strictOptions({}),
        create: (_, context) => createResnet(shape, context),
      }).definition as BackboneDefinition,
  ),
];
