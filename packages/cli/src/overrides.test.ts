import { expect, test } from 'vitest';
import { overrideWords, withOverrides } from './overrides.js';

test('sets keys at any depth and leaves everything else the same objects', () => {
  const data = { train: {} };
  const config = { epochs: 3, optimizer: { name: 'sgd', lr: 0.1 }, distillers: [['ssim', { weight: 4 }]], data };
  const changed = withOverrides(config, {
    seed: 7,
    epochs: 1,
    set: ['optimizer.lr=0.02', 'distillers.0.1.weight=2', 'init=runs/a', 'log.every=5', 'clipNorm=null'],
  });
  expect(changed).toEqual({
    epochs: 1,
    seed: 7,
    optimizer: { name: 'sgd', lr: 0.02 },
    distillers: [['ssim', { weight: 2 }]],
    data,
    init: 'runs/a',
    log: { every: 5 },
    clipNorm: null,
  });
  expect(changed.data).toBe(data);
  expect(config.optimizer.lr).toBe(0.1);
});

test('what the config leaves out is set from its default, and a name stands for itself with options', () => {
  const config = { student: 'retinanet', distillers: ['ssim'] };
  const set = [
    'optimizer.lr=0.02',
    'student.1.head.depth=2',
    'distillers.0.1.weight=2',
    'evaluate.metric.1.maxDetections=[1,5]',
    'ema.decay=0.9',
    'schedule.warmup.steps=5',
  ];
  expect(withOverrides(config, { set })).toEqual({
    student: ['retinanet', { head: { depth: 2 } }],
    distillers: [['ssim', { weight: 2 }]],
    optimizer: { name: 'sgd', lr: 0.02 },
    evaluate: { metric: ['coco', { maxDetections: [1, 5] }] },
    ema: { decay: 0.9 },
    schedule: { warmup: { steps: 5 } },
  });
});

test.each(['epochs', '=3', 'epochs.x=1', 'distillers.a=1', 'distillers.5=1'])('--set %s is refused', (set) => {
  expect(() => withOverrides({ epochs: 3, distillers: [] }, { set })).toThrow(
    expect.objectContaining({ code: 'USAGE' }) as Error,
  );
});

test('can be typed again', () => {
  expect(overrideWords({ epochs: 2, seed: -1, set: ['a.b="x y"'] })).toBe(` --epochs 2 --seed=-1 --set 'a.b="x y"'`);
});
