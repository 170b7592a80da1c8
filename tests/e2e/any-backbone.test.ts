import { join } from 'node:path';
import { mobilenetV3Small } from '@kd/backbone-mobilenet';
import { ports } from '@kd/cli';
import { type Config, loadModel, silentLogger, Trainer } from '@kd/core';
import { describe, expect, test } from 'vitest';
import { namedEngine } from '../named-engine.js';
import { root, temporaryFolder } from './kd.js';

const engine = await namedEngine();

const folder = temporaryFolder();
const pictures = { format: 'synthetic', classes: ['striped-disk', 'speckled-ring'], size: 64, sizes: [20, 44] };
const shared = {
  backbone: ['mobilenet-v3-small', { width: 0.1 }],
  fpnChannels: 8,
  input: { fixedSize: [64, 64] },
};
const config = (student: unknown, more: object = {}) =>
  ({
    student,
    data: { train: { ...pictures, images: 4 }, val: { ...pictures, images: 2, seed: 1 }, workers: 0 },
    epochs: 1,
    batchSize: 4,
    ...more,
  }) as unknown as Config;
const train = async (name: string, given: Config, more: object = {}) => {
  const out = join(folder, name);
  await new Trainer(given, { ...ports, out, folder: root, logger: silentLogger, ...more }).fit();
  return out;
};

describe('a backbone by its name', () => {
  test.each([
    ['retinanet', { head: { depth: 1 } }, [8, 16, 32]],
    ['fcos', { head: { depth: 1, groups: 4 } }, [8, 16, 32]],
    ['atss', { head: { depth: 1, groups: 4 } }, [8, 16, 32]],
    ['gfl', { head: { depth: 1, groups: 4 } }, [8, 16, 32]],
    ['faster-rcnn', { box: { representationSize: 8 } }, [4, 8, 16, 32]],
    ['cascade-rcnn', { box: { representationSize: 8 } }, [4, 8, 16, 32]],
  ])('trains under %s, and its checkpoint builds it again', async (name, options, strides) => {
    // Op by op, which takes less for one step; the next test compiles.
    const out = await train(name, config([name, { ...shared, ...options }], { compile: false }));
    const { detector, spec } = await loadModel(out, {
      format: ports.format,
      folder: root,
      context: { runOp: engine.runOp?.bind(engine) },
    });
    expect(spec.options).toMatchObject({
      backbone: ['mobilenet-v3-small', { width: 0.1 }],
      trainableLayers: 6,
      frozenBnEps: 1e-3,
    });
    const stages = detector.taps.filter((tap) => tap.name.startsWith('backbone.body.'));
    expect(stages.map(({ name: tap, stride }) => [tap, stride])).toEqual([
      ['backbone.body.0', 2],
      ['backbone.body.1', 4],
      ['backbone.body.3', 8],
      ['backbone.body.8', 16],
      ['backbone.body.12', 32],
    ]);
    const neck = detector.taps.filter((tap) => tap.name.startsWith('neck@')).map(({ stride }) => stride);
    expect(neck.slice(0, strides.length)).toEqual(strides);
    detector.dispose();
  });

  test('is what the function of its package stands for, and teaches a ResNet', async () => {
    const { retinanet } = await import('@kd/detector-retinanet');
    const options = { fpnChannels: 8, head: { depth: 1 }, input: { fixedSize: [64, 64] as [number, number] } };
    const imported = await train(
      'imported',
      config(retinanet({ ...options, backbone: mobilenetV3Small({ width: 0.1 }) })),
    );
    const taught = await train(
      'taught',
      config(['retinanet', { ...options, backbone: 'resnet10' }], {
        teacher: { weights: imported },
        distillers: ['pkd'],
        compile: false,
      }),
    );
    expect(taught).toContain('taught');
  });

  test.each([
    [{ backbone: 'mobilenet-v9' }, 'PLUGIN_NOT_FOUND', /no backbone named "mobilenet-v9" is installed/],
    [
      { backbone: ['mobilenet-v2', { widht: 1 }] },
      'CONFIG_INVALID',
      /there is no option "widht"; did you mean "width"\?/,
    ],
    [{ trainableLayers: 7 }, 'CONFIG_INVALID', /mobilenet-v3-small has 6 parts that can train; give 0 to 6/],
    [{ backbone: ['mobilenet-v2', { width: 0 }] }, 'CONFIG_INVALID', /width: must be greater than 0/],
  ])('with %j is refused: %s', async (wrong, code, message) => {
    await expect(train('refused', config(['retinanet', { ...shared, ...wrong }]))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });
});
