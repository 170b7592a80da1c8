import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InputSpec } from '@kd/core';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { imageThread } from './image-thread.js';
import { prepareFile } from './prepared-image.js';

const input: InputSpec = {
  minSize: [40],
  maxSize: 60,
  fixedSize: null,
  sizeDivisible: 32,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};
const unexpected = (why: string): never => {
  throw new Error(`ended: ${why}`);
};

/** Pictures of noise in several sizes. */
async function pictures(folder: string): Promise<string[]> {
  const sizes = [
    [200, 150],
    [30, 70],
    [64, 64],
    [21, 90],
    [300, 20],
    [50, 51],
  ] as const;
  return Promise.all(
    sizes.map(async ([width, height], i) => {
      const file = join(folder, `${i}.png`);
      const noise = { type: 'gaussian' as const, mean: 120, sigma: 50 };
      await sharp({ create: { width, height, channels: 3, background: 'black', noise } }).toFile(file);
      return file;
    }),
  );
}

test('gives what this thread would, in the order of the files, and null for one that is no image', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kd-images-'));
  const files = await pictures(folder);
  const broken = join(folder, 'broken.jpg');
  await writeFile(broken, 'no image');
  for (const pixels of [false, true]) {
    const thread = imageThread({ input, pixels }, unexpected);
    const all = [...files.slice(0, 2), broken, ...files.slice(2)];
    const made = await Promise.all(all.map((file) => thread.prepare(file)));
    for (const [i, file] of all.entries()) {
      if (file === broken) {
        expect(made[i]).toBeNull();
        continue;
      }
      const here = await prepareFile(file, input, pixels);
      expect(made[i]!.batch).toEqual(here.batch);
      expect([made[i]!.width, made[i]!.height]).toEqual([here.width, here.height]);
      expect(made[i]!.image === null).toBe(!pixels);
      if (pixels) expect(Buffer.compare(made[i]!.image!.data, here.image!.data)).toBe(0);
    }
    await thread.close();
    expect(await thread.prepare(files[0]!)).toBeNull();
  }
});

test('a thread that ends by itself is told, and gives null from then on', async () => {
  const told: string[] = [];
  // What it is set up with is read when it starts: there is none here.
  const thread = imageThread(null as never, (why) => told.push(why));
  expect(await thread.prepare('any.png')).toBeNull();
  expect(told).toHaveLength(1);
  expect(await thread.prepare('any.png')).toBeNull();
  await thread.close();
});

test('writes to memory that it is given back, and nothing of the image before is left in it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kd-images-'));
  const [large, small] = await pictures(folder);
  const thread = imageThread({ input, pixels: false }, unexpected);
  const first = (await thread.prepare(large!))!;
  expect(thread.ready()).toBe(true);
  const here = [await prepareFile(small!, input, false), await prepareFile(large!, input, false)];
  const bytes = first.batch.images.buffer.byteLength;
  thread.recycle(first);
  const second = (await thread.prepare(small!))!;
  expect(first.batch.images.length).toBe(0); // it has moved
  expect(second.batch.images.length).not.toBe(0);
  expect(second.batch).toEqual(here[0]!.batch);
  expect(second.batch.images.buffer.byteLength).toBe(bytes);
  thread.recycle(second);
  expect((await thread.prepare(large!))!.batch).toEqual(here[1]!.batch);
  await thread.close();
});
