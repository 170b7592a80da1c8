import * as v from 'valibot';
import { expect, it } from 'vitest';
import { denseEntries, denseShape } from './dense-options.js';
import { resnets } from './resnet-backbone.js';
import { strictOptions } from './strict-options.js';

const schema = strictOptions(denseEntries);
const shape = (options: v.InferInput<typeof schema>) => denseShape(v.parse(schema, options));

it('gives each level the stride of its place', () => {
  expect(shape({}).strides).toEqual([8, 16, 32, 64, 128]);
  expect(shape({ returnedLayers: [1, 2], extra: 'maxpool' }).strides).toEqual([4, 8, 16]);
  expect(shape({ extra: 'p6_from_c5' }).strides).toEqual([8, 16, 32, 64]);
  expect(shape({ extra: 'none' }).strides).toEqual([8, 16, 32]);
});

it('trains all of a backbone with group norm, and three stages of one with batch norm', () => {
  expect(shape({})).toMatchObject({ norm: 'group', trainableLayers: 5 });
  expect(shape({}).backbone.definition).toBe(resnets.find(({ name }) => name === 'resnet50'));
  expect(shape({ norm: 'frozen' }).trainableLayers).toBe(3);
  expect(shape({ norm: 'frozen', trainableLayers: 0 }).trainableLayers).toBe(0);
});

it.each([
  [{ backbon: 'resnet18' }, /there is no option "backbon"; did you mean "backbone"\?/],
  [{ input: { size: 3 } }, /there is no option "size"; .*there are minSize, maxSize/],
  [{ returnedLayers: [2, 4] }, /consecutive/],
  [{ backbone: 'resnet19' }, /must be one of resnet10/],
  [{ backbone: 'constructor' }, /must be one of resnet10/],
  [{ fpnChannels: 1e6 }, /must be at most 16384/],
  [{ trainableLayers: 65 }, /must be at most 64/],
  [{ input: { maxSize: 1e9 } }, /must be at most 32768/],
  [{ input: { minSize: Array.from({ length: 65 }, () => 8) } }, /must have at most 64 entries/],
  [{ backbone: { block: 'basic', layers: [1e6, 1, 1, 1], width: 8 } }, /must be at most 256/],
])('refuses %j', (options, message) => {
  expect(() => v.parse(schema, options)).toThrow(message);
});

it('refuses to train more parts than the backbone has', () => {
  expect(() => shape({ trainableLayers: 6 })).toThrow(
    /^trainableLayers is 6, but the backbone resnet50 has 5 parts that can train; give 0 to 5\.$/,
  );
});
