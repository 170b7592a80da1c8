import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, silentLogger, Trainer } from '@kd/core';
import { cpuEngine, toyData, toyDetector, toyMetric } from '@kd/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { safetensorsFormat } from './checkpoint-format.js';
import { toFloat32 } from './half.js';
import { readSafetensors, writeSafetensors } from './safetensors.js';
import { toTorchvision } from './torchvision.js';

// Plain JavaScript convolutions on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

let folder: string;
let first: string;
/** Another program's file, whose names are none of ours. */
let file: string;

const weights = (run: string) => readSafetensors(join(run, 'checkpoints', 'best.safetensors'));

async function train(name: string, more: Partial<Config>, warnings: string[] = []): Promise<string> {
  const out = join(folder, name);
  const config: Config = {
    engine: cpuEngine(),
    student: toyDetector({ size: 16 }),
    data: { train: toyData({ images: 2, size: 16 }), val: toyData({ images: 2, size: 16 }), workers: 0 },
    epochs: 1,
    batchSize: 2,
    evaluate: { metric: toyMetric() },
    optimizer: { name: 'sgd', lr: 1e-9, weightDecay: 0 },
    ...more,
  };
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  await new Trainer(config, { out, format: safetensorsFormat, logger }).fit();
  return out;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kd-init-'));
  first = await train('first', { seed: 3 });
  const { tensors } = await weights(first);
  const state = toTorchvision(new Map([...tensors].map(([name, value]) => [name.slice('student/'.length), value])));
  file = join(folder, 'theirs.safetensors');
  await writeSafetensors(
    file,
    new Map([...state].map(([name, value]) => [`student.${name.replace('neck.', 'necks_')}`, value])),
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const rename: [RegExp, string][] = [[/^necks_/, 'neck.']];

test('a student starts from names that rules bring under ours; the config has them as text', async () => {
  const warnings: string[] = [];
  const out = await train('renamed', { init: [file, { prefix: 'student.', rename }] }, warnings);
  expect(warnings).toEqual([]);
  const [from, to] = [(await weights(first)).tensors, (await weights(out)).tensors];
  expect([...to.keys()]).toEqual([...from.keys()]);
  for (const [name, tensor] of to) {
    if (name.includes('/moving_')) continue;
    const [own, other] = [toFloat32(tensor), toFloat32(from.get(name)!)];
    expect(Math.max(...own.map((one, i) => Math.abs(one - other[i]!))), name).toBeLessThan(1e-6);
  }
  const { init } = JSON.parse(await readFile(join(out, 'config.json'), 'utf8')) as Config;
  expect(init).toEqual([file, { prefix: 'student.', rename: [['^necks_', 'neck.']] }]);
});

test('what does not fit is told in the names of the file, with what was meant', async () => {
  const warnings: string[] = [];
  await train('partly', { init: file }, warnings);
  expect(warnings).toEqual([
    expect.stringMatching(
      /^init: .*theirs\.safetensors does not match the student everywhere: the file: no map knows these names .*; \d+ tensors fit; .* missing: neck\.p3\/kernel \(did you mean "student\.necks_p3\.weight"\?\).* not used: student\.necks_p3\.bias \(did you mean "neck\.p3\/bias"\?\)/,
    ),
  ]);
});

test('a teacher must fit whole: nothing missing, and nothing left over', async () => {
  const detector = toyDetector({ size: 16 });
  let runs = 0;
  const distilled = (entry: NonNullable<Config['init']>) =>
    train(`taught-${runs++}`, { teacher: { weights: entry, detector } });
  await expect(distilled(file)).rejects.toMatchObject({
    code: 'CHECKPOINT_INVALID',
    message: expect.stringMatching(
      /theirs\.safetensors does not hold the weights of this toy:\n {2}the file: .*\n {2}11 tensors fit\n {2}4 missing: /,
    ) as string,
  });
  const { tensors } = await readSafetensors(file);
  const more = join(folder, 'more.safetensors');
  await writeSafetensors(
    more,
    new Map([...tensors, ['student.left.over', { dtype: 'F32', shape: [1], data: new Float32Array(1) }]]),
  );
  await expect(distilled([more, { rename }])).rejects.toMatchObject({
    message: expect.stringMatching(/1 not used: student\.left\.over/) as string,
  });
  const five = join(folder, 'five.safetensors');
  const out = (...shape: number[]) => ({ dtype: 'F32', shape, data: new Float32Array(5 * (shape[1] ?? 1)) }) as const;
  const others = [
    ['student.head.cls.out.weight', out(5, 4, 1, 1)],
    ['student.head.cls.out.bias', out(5)],
  ] as const;
  await writeSafetensors(five, new Map([...tensors, ...others]));
  await expect(distilled([five, { rename }])).rejects.toMatchObject({
    message: expect.stringMatching(
      /5 classes instead of 2: head\.cls\.out\/kernel, head\.cls\.out\/bias\nGive it data with the classes/,
    ) as string,
  });
  const own = join(first, 'checkpoints', 'best.safetensors');
  await expect(distilled([own, { rename }])).rejects.toMatchObject({
    message: expect.stringContaining(
      'is a checkpoint of @kd, whose names are known: rename would not be read',
    ) as string,
  });
});

test.each([
  [['x.pth', { rename: [['(', '']] }], /init.*regular expression/],
  [['x.pth', { rename: [[/a/i, '']] }], /init.*flags/],
  [['x.pth', { rename: ['a'] }], /init\.1\.rename\.0: must be \[pattern, replacement\]/],
  [['x.pth', { prefx: 'a.' }], /init\.1\.prefx: there is no such key; did you mean "prefix"\?/],
  [['x.pth'], /init\.1: is missing/],
  [3, /init: must be a run folder or a file/],
])('%j is no init', async (init, message) => {
  await expect(train('none', { init: init as never })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(message) as string,
  });
});
