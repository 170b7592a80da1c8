// `kd predict` on a folder of JPEG images, from the first image to the last, beside the bare forward pass and
// post-processing of images that are decoded, resized and normalised already; each in a process of its own, in turn.
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ports } from '@kd/cli';
import { Trainer } from '@kd/core';
import { openDataset } from '@kd/data';
import sharp from 'sharp';
import { least, ratio } from './figures.mjs';
import { peerFactory } from './peer.mjs';

export const name = 'predict';

const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 3);
const IMAGES = Number(process.env.KD_BENCH_IMAGES ?? 500);
const bin = fileURLToPath(new URL('../packages/cli/dist/bin.js', import.meta.url));
const input = { minSize: 320, maxSize: 533 };
// Logits of untrained heads are alike, so that there is as much to suppress as there can be.
const post = { scoreThresh: 0 };

const STUDENTS = {
  'retinanet-r18': ['retinanet', { backbone: 'resnet18', input, post }],
  'gfl-0.14M': [
    'gfl',
    {
      backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 8 },
      norm: 'group',
      returnedLayers: [1, 2, 3],
      fpnChannels: 32,
      extra: 'none',
      head: { depth: 4, channels: 32, groups: 8, norm: 'group' },
      input,
      post,
    },
  ],
};

function kd(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  if (status !== 0) throw new Error(`kd ${args[0]} ended with code ${status}: ${stderr.slice(-500)}`);
  return stdout;
}

/** Pictures of 640 x 480, as a camera's. */
async function photos(folder) {
  await mkdir(folder);
  const drawn = await openDataset({ format: 'synthetic', images: Math.min(IMAGES, 50), size: 240, seed: 0 }, folder);
  for (let i = 0; i < IMAGES; i++) {
    const { data, width, height } = await drawn.readImage(drawn.images[i % drawn.images.length]);
    await sharp(data, { raw: { width, height, channels: 3 } })
      .resize(640, 480, { fit: 'fill' })
      .jpeg({ quality: 90 })
      .toFile(join(folder, `${i}.jpg`));
  }
}

async function compare(folder, label) {
  const run = join(folder, label);
  const data = { train: { format: 'synthetic', images: 2, size: 96 } };
  const config = { student: STUDENTS[label], data, batchSize: 2, epochs: 1 };
  await new Trainer(config, { ...ports, out: run }).fit();
  const bare = await peerFactory(process.execPath)('../ours/bare-detect.mjs', [
    run,
    join(folder, 'photos'),
    String(IMAGES),
  ]);
  const rounds = [];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const out = join(folder, `${label}-${round}.json`);
      const { seconds } = JSON.parse(kd('predict', run, join(folder, 'photos'), '--coco', out, '--json'));
      const drawn = JSON.parse(kd('predict', run, join(folder, 'photos'), '--out', join(folder, 'drawn'), '--json'));
      rounds.push({ predict: seconds, drawn: drawn.seconds, bare: (await bare.once()).ms / 1000 });
    }
  } finally {
    bare.close();
  }
  const [predict, drawn, alone] = ['predict', 'drawn', 'bare'].map((key) => least(rounds, key));
  return {
    student: label,
    images: IMAGES,
    predict_s: predict,
    bare_s: alone,
    ratio: ratio(predict, alone),
    images_per_s: Math.round((10 * IMAGES) / predict) / 10,
    with_pictures_s: drawn,
    with_pictures_ratio: ratio(drawn, alone),
    rounds: ROUNDS,
    engine: bare.about.engine,
  };
}

export async function run() {
  const folder = await mkdtemp(join(tmpdir(), 'kd-bench-'));
  try {
    await photos(join(folder, 'photos'));
    const results = [];
    const wanted = process.env.KD_BENCH_STUDENTS?.split(',') ?? Object.keys(STUDENTS);
    for (const label of wanted) results.push(await compare(folder, label));
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
