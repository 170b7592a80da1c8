import { jsonFormat, toyData, toyDetector } from '@kd/testing';
import { expect, it } from 'vitest';
import { mimic } from '../../test/mimic.js';
import { run } from '../../test/toy-run.js';
import { taughtToMimic } from '../../test/taught.js';
import { type Config, parseConfig } from '../config.js';
import type { Dataset } from '../contract/data.js';
import { latestCheckpoint } from './checkpoints.js';
import { configSettings, otherSettings, settingsIn } from './config-settings.js';

const { distilled } = taughtToMimic();

const now = async (config: Config) => {
  const parsed = parseConfig(config, 'the config');
  const open = (source: unknown): Promise<Dataset> =>
    Promise.resolve((source as ReturnType<typeof toyData>).open({ folder: '.' }));
  const data = { train: await open(parsed.data.train), val: await open(parsed.data.val) };
  return configSettings(parsed, { folder: '.', format: jsonFormat, data });
};

it('a config is told from the run that a checkpoint is of, key by key, and from no other of its keys', async () => {
  const config = distilled({ epochs: 1 });
  const { out } = await run(config);
  const was = (await settingsIn((await latestCheckpoint(out, jsonFormat))!, jsonFormat))!;
  expect(otherSettings(was, await now(config))).toEqual([]);
  const other = await now(
    distilled({
      epochs: 2,
      seed: 4,
      student: toyDetector({ width: 3, size: 16 }),
      distillers: [mimic({ noise: 0.25, pass: true })],
      data: { ...config.data, train: toyData({ images: 4, size: 16 }), augment: [] },
      optimizer: { name: 'sgd', lr: 0.5, momentum: 0.9, weightDecay: 1e-3 },
      ema: null,
      stop: { patience: 3 },
    }),
  );
  expect(otherSettings(was, other).map(({ key }) => key)).toEqual([
    'seed',
    'student.width',
    'distillers.0.options.noise',
    'data.train.images',
    'data.train.fingerprint',
    'data.augment',
    'ema',
    'epochs',
    'optimizer.lr',
    'stop',
  ]);
  const alone = await now(distilled({ epochs: 1, distillers: [] }));
  expect(otherSettings(was, alone).map(({ key }) => key)).toEqual(['distillers']);
});

it('data that are not known are not compared, and a file that says nothing is null', async () => {
  const { out } = await run(distilled({ epochs: 1 }));
  const file = (await latestCheckpoint(out, jsonFormat))!;
  const parsed = parseConfig(distilled({ epochs: 1 }), 'the config');
  const settings = await configSettings(parsed, { folder: '.', format: jsonFormat });
  expect(otherSettings((await settingsIn(file, jsonFormat))!, settings)).toEqual([]);
  expect(await settingsIn(`${out}/config.json`, jsonFormat)).toBeNull();
  expect(await settingsIn(`${out}/checkpoints/best.json`, jsonFormat)).toBeNull();
});
