import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { imageFiles } from './image-files.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kd-images-'));
  const png = await sharp({ create: { width: 2, height: 2, channels: 3, background: '#123' } })
    .png()
    .toBuffer();
  for (const name of ['b', 'b/deep', 'empty', '.hidden', 'out']) await mkdir(join(folder, name));
  for (const name of ['b/deep/x.png', 'b/B.PNG', 'b-2.png', 'a.jpg', 'no-extension', '.hidden/h.png', 'out/drawn.png'])
    await writeFile(join(folder, name), png);
  await writeFile(join(folder, 'b/damaged.jpg'), '');
  for (const name of ['notes.txt', 'b/labels.json', '.DS_Store', 'BMW.txt'])
    await writeFile(join(folder, name), 'BMW and other text');
  await symlink(join(folder, 'a.jpg'), join(folder, 'link.jpg'));
  await symlink(folder, join(folder, 'b/loop'));
  await symlink(join(folder, 'nowhere'), join(folder, 'broken.png'));
  execFileSync('mkfifo', [join(folder, 'fifo.png')]);
});
afterAll(() => rm(folder, { recursive: true }));

const found = async (named: readonly string[], except?: string) => {
  const { files, others } = await imageFiles(
    named.map((name) => join(folder, name)),
    except === undefined ? undefined : join(folder, except),
  );
  return { files: files.map((file) => relative(folder, file)), others };
};

it('takes a folder as all images below it, sorted by path, and counts the rest', async () => {
  expect(await found(['.'], 'out')).toEqual({
    files: ['a.jpg', 'b-2.png', 'b/B.PNG', 'b/damaged.jpg', 'b/deep/x.png', 'link.jpg', 'no-extension'],
    others: 7, // two texts, .DS_Store, the labels, the loop, the broken link, the FIFO
  });
});

it('takes files as they are named, also what is not there or no image', async () => {
  expect(await found(['notes.txt', 'b', 'none.png', 'b/B.PNG'])).toEqual({
    files: ['notes.txt', 'b/B.PNG', 'b/damaged.jpg', 'b/deep/x.png', 'none.png', 'b/B.PNG'],
    others: 2,
  });
});

it('refuses a folder without images', async () => {
  await expect(found(['empty'])).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
  await rm(join(folder, 'b/deep/x.png'));
  await writeFile(join(folder, 'b/deep/x.txt'), 'x');
  await expect(found(['b/deep'])).rejects.toThrow(/no images in the folder .*, only 1 other file/);
});

it('takes patterns as the images that match them, sorted by path', async () => {
  expect(await found(['*'], 'out')).toEqual({
    files: ['a.jpg', 'b-2.png', 'link.jpg', 'no-extension'],
    others: 2, // two texts
  });
  // b/loop is a link to all.
  expect(await found(['**/*.{png,PNG}'], 'out')).toEqual({ files: ['b-2.png', 'b/B.PNG'], others: 0 });
  expect(await found(['[ab]*.{jpg,png}'])).toMatchObject({ files: ['a.jpg', 'b-2.png'] });
  await expect(found(['*.webp'])).rejects.toThrow(/No image matches .*\*\.webp; name a folder/);
  await expect(found(['*.txt'])).rejects.toThrow(/No image matches .*, only 2 other files/);
});

it('takes a pattern of a relative path from the working directory', async () => {
  const { files } = await imageFiles(['packages/cli/fonts/../../../docs/pictures/*.webp']);
  expect(files[0]).toMatch(/^docs\/pictures\/[^/]+\.webp$/);
});

it('takes a file whose name looks like a pattern as that file', async () => {
  await writeFile(join(folder, 'b/[ab]*{1,2}.png'), 'x');
  expect((await found(['b/[ab]*{1,2}.png'])).files).toEqual(['b/[ab]*{1,2}.png']);
});
