import { ldLoss, valuableRegion } from '@kd/plugin-localization';
import * as tf from '@tensorflow/tfjs-core';
import { expectClose, oneOf, only } from '../support/index.js';
import type { Check, Method } from './method.js';

/** `anchors0`, `anchors1`, … of the levels, and the boxes of every image: the region of each, as both rules have it. */
const checkRegions: Check = async (inputs, { config, expected, tolerance }, values) => {
  if (oneOf('variant', config['variant'], ['main', 'vlr', 'region']) !== 'region') return;
  const { topk, lower, images } = config as { topk: number; lower: number; images: number };
  const anchors: tf.Tensor2D[] = [];
  for (let own = inputs.get('anchors0'); own; own = inputs.get(`anchors${anchors.length}`))
    anchors.push(own as tf.Tensor2D);
  const read = new Set<string>();
  for (let image = 0; image < images; image++) {
    const boxes = inputs.get(`boxes${image}`) as tf.Tensor2D;
    for (const overlap of ['iof', 'iou'] as const) {
      const key = `region_${overlap}${image}`;
      if (expected[key] === undefined) continue;
      read.add(key);
      const region = valuableRegion(tf.concat(anchors), tf.expandDims(boxes, 0), tf.ones([1, boxes.shape[0]]), {
        perLevel: anchors.map(({ shape }) => shape[0]),
        topk,
        lower,
        overlap,
      });
      expectClose(await region.data(), values(key), tolerance.value!, key);
    }
  }
  only('expected', [...read].sort(), Object.keys(expected).sort());
};

export const localizationMethods: Readonly<Record<string, Method>> = {
  ld: (inputs, one) => {
    const { temperature, averageFactor } = one.config as { temperature: number; averageFactor: number };
    return {
      ld: ldLoss(
        inputs.get('reg_s')!,
        inputs.get('reg_t')!,
        { temperature },
        { weights: inputs.get('weights'), averageFactor },
      ),
    };
  },
};

export const localizationChecks: Readonly<Record<string, Check>> = { ld: checkRegions };
