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

test.each(['epochs', '=3', 'epochs.x=1', 'distillers.a=1', 'distillers.5=1'])('--set %s is refused', (set) => {
  expect(() => withOverrides({ epochs: 3, distillers: [] }, { set })).toThrow(
    expect.objectContaining({ code: 'USAGE' }) as Error,
  );
});

test('can be typed again', () => {
  expect(overrideWords({ epochs: 2, seed: -1, set: ['a.b="x y"'] })).toBe(` --epochs 2 --seed=-1 --set 'a.b="x y"'`);
});
