import type { StoredSettings } from '@kd/core';
import { expect, it } from 'vitest';
import { withStored, withStoredFlavour } from './stored-settings.js';

const CAFFE: StoredSettings = {
  program: 'mmdetection',
  from: 'meta.cfg',
  input: { mean: [102.9801, 115.9465, 122.7717], std: [1, 1, 1], range: 255, channels: 'bgr' },
  style: 'caffe',
};
const RGB: StoredSettings = {
  program: 'mmdetection',
  from: 'meta.cfg',
  input: { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375], range: 255, channels: 'rgb' },
  style: 'pytorch',
};
const bottlenecks = { block: 'bottleneck', layers: [1, 1, 1, 1], width: 8 };

it('takes over what options leave open', () => {
  const { options, taken, doubts } = withStored({ input: { minSize: 640 } }, CAFFE);
  expect(options).toMatchObject({
    input: { minSize: 640, ...CAFFE.input },
    backbone: { definition: { name: 'resnet50_caffe' } },
  });
  expect(taken.join()).toMatch(/input\.mean: \[102.*input\.channels: "bgr".*resnet50_caffe/);
  expect(doubts).toEqual([]);
  expect(withStored({ backbone: bottlenecks }, CAFFE).options).toMatchObject({
    backbone: { definition: { name: 'resnet' }, options: { ...bottlenecks, style: 'caffe' } },
  });
});

it('leaves alone what is the same in other units, and what has no choice', () => {
  expect(withStored({ fpnChannels: 8 }, RGB)).toEqual({ options: { fpnChannels: 8 }, taken: [], doubts: [] });
  const { taken } = withStored({ backbone: 'resnet18', input: CAFFE.input }, CAFFE);
  expect(taken).toEqual([]);
});

it('keeps what options say, and tells where the file says otherwise', () => {
  const input = { mean: [0, 0, 0], channels: 'rgb' };
  const given = { input, backbone: { ...bottlenecks, style: 'pytorch' } };
  const { options, taken, doubts } = withStored(given, CAFFE);
  expect([options, taken]).toEqual([given, []]);
  expect(doubts).toEqual([
    expect.stringMatching(/input\.std: \[1,1,1\].*other statistics/),
    expect.stringMatching(/channels: "bgr", the options have "rgb"/),
    expect.stringMatching(/style "caffe", the options have one of "pytorch"/),
  ]);
});

it('asks for what neither says', () => {
  const silent: StoredSettings = { program: 'mmdetection', unread: '2 brackets stay open' };
  expect(withStored({}, silent).doubts).toEqual([
    expect.stringMatching(/cannot be read: 2 brackets/),
    expect.stringMatching(/give input\.mean/),
    expect.stringMatching(/give input\.channels/),
    expect.stringMatching(/"resnet50" or "resnet50_caffe"/),
  ]);
  const told = { input: { ...RGB.input }, backbone: 'resnet50_caffe' };
  expect(withStored(told, { program: 'mmdetection' }).doubts).toEqual([]);
});

it('takes the flavour of the program where there is one, and keeps what options say', () => {
  const input = { ...RGB.input };
  expect(withStoredFlavour({ input }, RGB)).toEqual({
    options: { input, flavour: 'mmdet' },
    taken: ["flavour: 'mmdet'"],
    doubts: [],
  });
  expect(withStoredFlavour({ input, flavour: 'mmdet' }, RGB).taken).toEqual([]);
  const { options, doubts } = withStoredFlavour({ input, flavour: 'torchvision' }, RGB);
  expect(options).toMatchObject({ flavour: 'torchvision' });
  expect(doubts).toEqual([expect.stringMatching(/of mmdetection, the options have flavour: 'torchvision'/)]);
});
