import { join } from 'node:path';
import { ports } from '@kd/cli';
import { type Config, type Logger, Trainer } from '@kd/core';
import { exportStateDict, readSafetensors, writeSafetensors } from '@kd/weights';
import { beforeAll, expect, test } from 'vitest';
import { kd, root, temporaryFolder } from './kd.js';

const folder = temporaryFolder();
/** What the package holds for the real one: a state dict under its names. */
const file = join(folder, 'lite.safetensors');
const pictures = { format: 'synthetic', classes: ['striped-disk', 'speckled-ring'], size: 64, sizes: [20, 44] };
const pixels = { mean: [127, 127, 127], std: [128, 128, 128], range: 255 };

// The rate is 0 in float32: weights stay as they start.
const config = (options: object = {}, more: object = {}) =>
  ({
    student: [
      'retinanet',
      {
        backbone: 'efficientnet-lite',
        norm: 'frozen',
        returnedLayers: [1, 2],
        fpnChannels: 8,
        head: { depth: 1 },
        input: { fixedSize: [64, 64], ...pixels },
        ...options,
      },
    ],
    data: { train: { ...pictures, images: 2 }, workers: 0 },
    epochs: 1,
    batchSize: 2,
    optimizer: { name: 'sgd', lr: 1e-300, weightDecay: 0 },
    ...more,
  }) as unknown as Config;

async function train(name: string, given: Config, format = ports.format, more: object = {}) {
  const told: string[] = [];
  const logger: Logger = {
    info: (line) => void told.push(line),
    warn: (line) => void told.push(`warning: ${line}`),
  };
  const out = join(folder, name);
  await new Trainer(given, { ...ports, format, out, folder: root, logger, ...more }).fit();
  const checkpoint = join(out, 'checkpoints', 'step-00000001.safetensors');
  return {
    out,
    told: told.filter((line) => line.includes('init')),
    tensors: (await readSafetensors(checkpoint)).tensors,
  };
}

let asked: unknown[] = [];
const fetching = {
  ...ports.format,
  pretrained: (backbone: unknown) => {
    asked.push(backbone);
    return Promise.resolve(file);
  },
};

beforeAll(async () => {
  const { tensors } = await train('first', config({}, { seed: 7 }));
  const own = [...tensors].filter(([name]) => name.startsWith('student/backbone.body.'));
  const state = exportStateDict(new Map(own.map(([name, value]) => [name.slice(8), value])), 'efficientnet-lite');
  await writeSafetensors(
    file,
    new Map([...state, ['_fc.bias', { dtype: 'F32', shape: [1], data: new Float32Array(1) }]]),
  );
});

test("init: 'pretrained' sets the backbone alone, and says so", async () => {
  asked = [];
  const { told, tensors, out } = await train('start', config({}, { init: 'pretrained' }), fetching);
  expect(asked).toEqual([{ name: 'efficientnet-lite', options: { version: 0, momentum: 0.01 } }]);
  expect(told).toEqual([
    `init: the backbone starts from ${file} (75 tensors), neck and head from their initial values.`,
  ]);
  const [{ tensors: first }, { tensors: alone }] = [
    await train('first-again', config({}, { seed: 7 })),
    await train('alone', config()),
  ];
  for (const [name, { data }] of tensors)
    if (name.startsWith('student/')) {
      const wanted = name.startsWith('student/backbone.body.') ? first : alone;
      expect(data, name).toEqual(wanted.get(name)!.data);
    }
  asked = [];
  await new Trainer(config({}, { init: 'pretrained', epochs: 2 }), {
    ...ports,
    format: fetching,
    out,
    folder: root,
    resume: true,
    logger: { info: () => {}, warn: () => {} },
  }).fit();
  expect(asked).toEqual([]);
});

test('other pixels than the weights were trained on are told, with what to write', async () => {
  const { told } = await train('pixels', config({ input: { fixedSize: [64, 64] } }, { init: 'pretrained' }), fetching);
  expect(told[0]).toMatch(
    /^warning: init: .*lite.safetensors says in its names what the student's options do not: input.mean: \[127,127,127\], input.std: \[128,128,128\], input.range: 255\. Give the student these/,
  );
});

test.each([
  [
    'resnet10',
    ports.format,
    'CONFIG_INVALID',
    /no published file for the backbone 'resnet10'; there is one for \['efficientnet-lite'/,
  ],
  [
    ['efficientnet-lite', { version: 4 }],
    ports.format,
    'CONFIG_INVALID',
    /no published file for .*version: 4, .*kd weights list/,
  ],
  [
    'efficientnet-lite',
    { ...ports.format, pretrained: undefined },
    'USAGE',
    /needs a format of checkpoints that knows published weights/,
  ],
])('with %j as backbone is refused before anything is fetched', async (backbone, format, code, message) => {
  const given = config({ backbone }, { init: 'pretrained' });
  await expect(train('refused', given, format as typeof ports.format)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
  });
});

test('kd weights list says what there is and that it is not fetched', async () => {
  const env = { KD_CACHE: join(folder, 'empty') };
  const { stdout, code } = await kd(['weights', 'list'], { env });
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /\['efficientnet-lite', \{ version: 0 \}\]\n.*EfficientNet-Lite0.*\n.*model==0\.1\.0, 17 MB, Apache-2\.0\n.*not fetched yet/,
  );
  const json = await kd(['weights', 'list', '--json'], { env });
  expect(JSON.parse(json.stdout)).toMatchObject({
    ok: true,
    weights: [
      { backbone: ['efficientnet-lite', { version: 0 }], license: 'Apache-2.0', bytes: 18_826_032, fetched: false },
    ],
  });
});
