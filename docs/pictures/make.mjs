// Makes the pictures of README.md from drawn images: trains the teacher of the demo for longer than the demo does, and a
// student of it with prototypes. About ten minutes on two cores.
//
//   node docs/pictures/make.mjs runs/pictures
//
// Needs Chromium (Debian: apt install chromium), which CHROMIUM names where it has another name.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ports } from '@kd/cli';
import { defineConfig, Trainer } from '@kd/core';
import { dataSource } from '@kd/data';
import { terminal } from '@kd/report';
import sharp from 'sharp';
import { batchSize, data, student, teacher, training } from '../../examples/demo/settings.mjs';

const out = resolve(process.argv[2] ?? 'runs/pictures');
const here = import.meta.dirname;
const kd = (...words) =>
  execFileSync(process.execPath, [join(here, '../../packages/cli/dist/bin.js'), ...words], { stdio: ['ignore', 1, 2] });

await train('teacher', { student: teacher, epochs: 24 });
await train('student', {
  student,
  teacher: { weights: join(out, 'teacher') },
  distillers: [['prototype', { count: 3 }]],
  epochs: 2,
});
await detections();
await prototypes();

async function train(name, config) {
  const folder = join(out, name);
  if (existsSync(join(folder, 'summary.json'))) return;
  await new Trainer(defineConfig({ ...training, batchSize, data, evaluate: { every: 0 }, ...config }), {
    ...ports,
    out: folder,
    folder: here,
    listeners: [terminal()],
  }).fit();
}

/** What the teacher finds on eight validation pictures, three times their size so that labels can be read. */
async function detections() {
  const side = 3 * data.val.size;
  const given = join(out, 'given');
  const drawn = join(out, 'drawn');
  mkdirSync(given, { recursive: true });
  const opened = await dataSource(data.val).open({ folder: here });
  const names = [];
  for (const record of opened.images.slice(0, 8)) {
    const { width, height, data: pixels } = await opened.readImage(record);
    const name = `${record.file}.png`;
    await sharp(pixels, { raw: { width, height, channels: 3 } })
      .resize(side, side)
      .toFile(join(given, name));
    names.push(name);
  }
  kd('predict', join(out, 'teacher'), ...names.map((name) => join(given, name)), '--out', drawn, '--threshold', '0.5');
  const at = (i) => ({ left: (i % 4) * (side + 8), top: Math.floor(i / 4) * (side + 8) });
  await sharp({ create: { width: 4 * side + 24, height: 2 * side + 8, channels: 3, background: 'white' } })
    .composite(names.map((name, i) => ({ input: join(drawn, name), ...at(i) })))
    .webp({ quality: 80 })
    .toFile(join(here, 'detections.webp'));
}

/** The upper part of the page of `kd prototypes`. */
async function prototypes() {
  const page = join(out, 'prototypes.html');
  kd('prototypes', join(out, 'student'), '--out', page);
  const shot = join(out, 'prototypes.png');
  execFileSync(
    process.env.CHROMIUM ?? 'chromium',
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--hide-scrollbars',
      '--window-size=1100,645',
      `--screenshot=${shot}`,
      pathToFileURL(page).href,
    ],
    { stdio: ['ignore', 1, 2] },
  );
  await sharp(shot).webp({ quality: 85 }).toFile(join(here, 'prototypes.webp'));
}
