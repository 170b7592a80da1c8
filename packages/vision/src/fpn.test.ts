import '@tensorflow/tfjs-backend-cpu';
import { input } from '@tensorflow/tfjs-layers';
import { expect, it } from 'vitest';
import { buildFpn } from './fpn.js';
import { networkBuilder } from './network-builder.js';

it.each([
  [undefined, true],
  [true, true],
  [false, false],
])('rectifies P6 in front of P7 unless told otherwise (reluBeforeP7 %s)', (reluBeforeP7, rectified) => {
  const builder = networkBuilder();
  const c5 = { name: 'layer4', output: input({ shape: [null, null, 6] }), channels: 6, stride: 32 };
  const levels = buildFpn(builder, [c5], {
    channels: 4,
    extra: 'p6p7_from_p5',
    path: 'fpn',
    ...(reluBeforeP7 !== undefined && { reluBeforeP7 }),
  });
  expect(levels.map(({ name, stride }) => [name, stride])).toEqual([
    ['p5', 32],
    ['p6', 64],
    ['p7', 128],
  ]);
  expect(levels[2]!.output.sourceLayer.name).toBe('fpn.extra_blocks.p7');
  expect(builder.layers.map(({ name }) => name).includes('fpn.extra_blocks.relu')).toBe(rectified);
  const padded = levels[2]!.output.inputs[0]!;
  expect(padded.inputs[0]!.sourceLayer.name).toBe(`fpn.extra_blocks.${rectified ? 'relu' : 'p6'}`);
});
