import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { RunInfo, TrainerEvent } from '@kd/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type DrawnPicture, restartEvent, summaryEvent, versionEvent } from './events.js';
import { masked, record } from './record.js';
import { tensorboard, type TensorboardOptions } from './tensorboard.js';

const run = promisify(execFile);
const python = process.env['KD_PYTHON'] ?? 'python3';
const reader = fileURLToPath(new URL('../../../../tests/reference/tensorboard_events.py', import.meta.url));
const hasTensorboard = await run(python, ['-c', 'import tensorboard']).then(
  () => true,
  () => false,
);

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_700_000_000_500 }));
afterEach(() => void vi.useRealTimers());

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** What TensorBoard 2.21 and its protobuf write of the same. */
test('a record and its messages, byte for byte', () => {
  // The check value of CRC-32C.
  expect(masked(0xe3069283)).toBe(0xc78ab0e5);
  expect(hex(record(Buffer.from('123456789')))).toBe('090000000000000037f97139313233343536373839e5b08ac7');
  expect(hex(versionEvent())).toBe('0900002040fc54d9411a0d627261696e2e4576656e743a32');
  expect(hex(restartEvent(301))).toBe('0900002040fc54d94110ad023a020801');
  const image = { png: Buffer.from('PNG'), width: 3, height: 2 };
  expect(hex(summaryEvent(300, { scalars: { 'loss/cls': 0.25 }, images: { 'detections/7': image } }))).toBe(
    '0900002040fc54d94110ac022a2e0a0f0a086c6f73732f636c73150000803e0a1b0a0c646574656374696f6e732f37220b0802100318032203504e47',
  );
});

const log = (step: number, total: number): TrainerEvent => ({
  type: 'log',
  step,
  epoch: 0,
  lr: 0.25,
  terms: { cls: total / 2, 'ssim.feat': total / 2 },
  stats: { 'ssim.mean': 0.5 },
  total,
  imagesPerSecond: 8,
  waited: 0,
  secondsLeft: 1,
  memory: 1,
  tensors: 1,
});
const none = { boxes: new Float32Array(), scores: new Float32Array(), labels: new Int32Array() };
const evaluation = (step: number, AP: number): TrainerEvent => ({
  type: 'evaluation',
  step,
  epoch: 0,
  seconds: 1,
  best: true,
  detections: Array.from({ length: 8 }, (_, id) => ({ id, ...none })),
  result: { metrics: { AP, APs: -1 }, perClass: [], images: 8, skipped: [] },
});
// One black pixel.
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==',
  'base64',
);

/** A run that stops after step 20 and goes on after step 10. */
async function twoRuns(options: TensorboardOptions): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kd-report-'));
  const begin = (startStep: number): TrainerEvent => ({ type: 'start', run: { folder, startStep } as RunInfo });
  const first = tensorboard(options);
  for (const event of [begin(0), log(10, 4), evaluation(10, 0.25), log(20, 99)]) await first.on(event);
  vi.setSystemTime(1_700_000_009_000);
  const second = tensorboard(options);
  for (const event of [begin(10), log(20, 2), evaluation(20, 0.5)]) await second.on(event);
  return folder;
}

test('a resumed run has a file of its own; the same images are drawn each time', async () => {
  const drawn: (number | string)[] = [];
  const draw = async ({ id }: { id: number | string }): Promise<DrawnPicture> => {
    drawn.push(id);
    return { png, width: 1, height: 1 };
  };
  const folder = await twoRuns({ draw, images: 3 });
  const files = (await readdir(folder)).sort();
  expect(files).toEqual([
    `events.out.tfevents.1700000000.kd.${process.pid}`,
    `events.out.tfevents.1700000009.kd.${process.pid}`,
  ]);
  expect(drawn).toEqual([0, 2, 5, 0, 2, 5]);
  const second = await readFile(join(folder, files[1]!));
  expect(second.includes(record(restartEvent(11)))).toBe(true);
  expect((await readFile(join(folder, files[0]!))).includes('APs')).toBe(false);
});

test.skipIf(!hasTensorboard)(
  'TensorBoard of Python reads it (needs tensorboard: pip install tensorboard, KD_PYTHON=<its python>)',
  async () => {
    const folder = await twoRuns({ draw: async () => ({ png, width: 1, height: 1 }), images: 1 });
    const { stdout } = await run(python, [reader, folder]);
    expect(JSON.parse(stdout)).toEqual({
      scalars: {
        'loss/cls': [
          [10, 2],
          [20, 1],
        ],
        'loss/ssim.feat': [
          [10, 2],
          [20, 1],
        ],
        'loss/total': [
          [10, 4],
          [20, 2],
        ],
        'stats/ssim.mean': [
          [10, 0.5],
          [20, 0.5],
        ],
        'training/images_per_second': [
          [10, 8],
          [20, 8],
        ],
        'training/learning_rate': [
          [10, 0.25],
          [20, 0.25],
        ],
        'training/waited': [
          [10, 0],
          [20, 0],
        ],
        'validation/AP': [
          [10, 0.25],
          [20, 0.5],
        ],
      },
      images: {
        'detections/0': [
          [10, 1, 1, png.length],
          [20, 1, 1, png.length],
        ],
      },
    });
  },
);
