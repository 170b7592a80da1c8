import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDataset } from '@kd/data';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { config, kd, temporaryFolder } from './kd.js';

test('a set in two files, with ids that clash and categories numbered otherwise, measures as the same set in one', async () => {
  const folder = temporaryFolder();
  const run = join(folder, 'run');
  const low = '--set=student.1.post={"scoreThresh":0,"detectionsPerImg":20}';
  const trained = await kd(['train', config('alone.config.ts'), '--out', run, '--epochs', '1', low]);
  expect(trained.code, trained.stderr).toBe(0);

  const classes = ['striped-disk', 'speckled-ring'];
  const drawn = await openDataset({ format: 'synthetic', images: 6, size: 64, seed: 5, classes }, folder);
  const write = (file: string, places: readonly number[], name: (place: number) => string, ids: readonly number[]) => {
    const images = places.map((place, i) => ({ id: i + 1, file_name: name(place), width: 64, height: 64 }));
    const annotations = places.flatMap((place, i) =>
      drawn.images[place]!.annotations.map(({ box: [x1, y1, x2, y2], label }) => ({
        image_id: i + 1,
        category_id: ids[label],
        bbox: [x1, y1, x2 - x1, y2 - y1],
      })),
    );
    const numbered = annotations.map((one, i) => ({ id: i + 1, ...one }));
    const categories = classes.map((one, label) => ({ id: ids[label], name: one }));
    writeFileSync(join(folder, file), JSON.stringify({ images, annotations: numbered, categories }));
  };
  for (const half of ['a', 'b']) mkdirSync(join(folder, half));
  const half = (place: number): string => (place < 3 ? 'a' : 'b');
  for (const [place, record] of drawn.images.entries()) {
    const { data, width, height } = await drawn.readImage(record);
    await sharp(data, { raw: { width, height, channels: 3 } }).toFile(join(folder, half(place), `${place % 3}.png`));
  }
  write('whole.json', [0, 1, 2, 3, 4, 5], (place) => `${half(place)}/${place % 3}.png`, [1, 2]);
  write('a.json', [0, 1, 2], (place) => `${place % 3}.png`, [1, 2]);
  write('b.json', [3, 4, 5], (place) => `${place % 3}.png`, [7, 3]);

  const measure = async (...data: string[]) => {
    const { code, stdout, stderr } = await kd(['eval', run, ...data, '--batch-size', '1', '--json'], { cwd: folder });
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as { images: number; metrics: Record<string, number>; perClass: unknown };
  };
  const whole = await measure('--coco', 'whole.json', '--images', '.');
  const parts = await measure('--coco', 'a.json', '--coco', 'b.json', '--images', 'a', '--images', 'b');
  expect(whole.images).toBe(6);
  expect(whole.metrics['AR100']).toBeGreaterThan(0);
  for (const key of ['images', 'metrics', 'perClass'] as const) expect(parts[key]).toEqual(whole[key]);
});
