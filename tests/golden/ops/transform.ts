import type { InputSpec } from '@kd/core';
import { inputTransform, type BatchItem, type Box } from '@kd/data';
import { expect } from 'vitest';
import { nhwcToNchw, permute, type GoldenTensor } from '../support/index.js';
import { onHost, type Inputs, type Op, type Outputs, type Params } from './case.js';

const rowsOf = ({ values, shape }: GoldenTensor): Box[] =>
  Array.from({ length: shape[0]! }, (_, i) => Array.from(values).slice(4 * i, 4 * i + 4) as unknown as Box);

/** `image<j>` [c, h, w] uint8 and `boxes<j>` [n, 4] as the loader has them. */
function itemsOf(inputs: Inputs): BatchItem[] {
  const count = Object.keys(inputs).filter((name) => name.startsWith('image')).length;
  return Array.from({ length: count }, (_, j) => {
    const { values, shape } = permute(inputs[`image${j}`]!, [1, 2, 0]);
    return {
      image: { data: Uint8Array.from(values), height: shape[0]!, width: shape[1]! },
      boxes: rowsOf(inputs[`boxes${j}`]!),
    };
  });
}

function inputSpec(params: Params): InputSpec {
  return {
    minSize: [params['min_size']].flat() as number[],
    maxSize: params['max_size'] as number,
    fixedSize: null,
    mean: params['image_mean'] as InputSpec['mean'],
    std: params['image_std'] as InputSpec['std'],
    sizeDivisible: params['size_divisible'] as number,
  };
}

function transform(inputs: Inputs, params: Params): Outputs {
  const items = itemsOf(inputs);
  const batch = inputTransform(items, inputSpec(params));
  expect(batch.imageSizes, 'resized_hw').toEqual(params['resized_hw']);
  const boxes = items.map((item, j) => {
    const from = j * batch.maxBoxes * 4;
    return [`boxes${j}`, batch.boxes.slice(from, from + 4 * item.boxes!.length)] as const;
  });
  return { batch: nhwcToNchw({ values: batch.images, shape: batch.shape }).values, ...Object.fromEntries(boxes) };
}

export const transformOps: Readonly<Record<string, Op>> = { GeneralizedRCNNTransform: onHost(transform) };
