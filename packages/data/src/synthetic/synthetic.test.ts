import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CLASS_NAMES } from './classes.js';
import { layScene } from './scene.js';
import { synthetic } from './synthetic.js';

const open = (options: Partial<Parameters<typeof synthetic>[0]> = {}) =>
  synthetic({ images: 30, ...options }).open({ folder: '.' });

describe('synthetic', () => {
  it('is the same for the same seed and another for another', async () => {
    const [a, b, c] = [await open(), await open(), await open({ seed: 1 })];
    expect(a.images).toEqual(b.images);
    expect(a.images[0]!.annotations).not.toEqual(c.images[0]!.annotations);
    const first = await a.readImage(a.images[4]!);
    expect(first).toEqual(await b.readImage(b.images[4]!));
    expect(Buffer.compare(first.data, (await c.readImage(c.images[4]!)).data)).not.toBe(0);
    expect([first.width, first.height, first.data.length]).toEqual([128, 128, 128 * 128 * 3]);
  });

  it('draws the bytes that it always drew', async () => {
    const { images, readImage } = await open({ images: 20, size: [96, 120], seed: 3 });
    const hash = createHash('sha256');
    for (const image of images) hash.update((await readImage(image)).data);
    expect(hash.digest('hex').slice(0, 16)).toBe('df9f637ea17c7e2f');
  });

  it('does not depend on how many pictures there are', async () => {
    expect((await open({ images: 3 })).images).toEqual((await open()).images.slice(0, 3));
  });

  it('has all classes in all sizes, boxes in the picture, unique ids', async () => {
    const { images, categories } = await open({ images: 200, size: [96, 160] });
    expect(categories.map(({ name }) => name)).toEqual(CLASS_NAMES);
    const all = images.flatMap(({ annotations }) => annotations);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    for (const {
      box: [x1, y1, x2, y2],
      area,
    } of all) {
      expect(x1 >= 0 && y1 >= 0 && x2 <= 160 && y2 <= 96 && x2 > x1 && y2 > y1).toBe(true);
      expect(area).toBeLessThanOrEqual((x2 - x1) * (y2 - y1));
    }
    const counts = CLASS_NAMES.map((_, label) => all.filter((entry) => entry.label === label).length);
    expect(Math.min(...counts)).toBeGreaterThan(60);
    const sides = all.map(({ box: [x1, , x2] }) => x2 - x1);
    expect([Math.min(...sides) < 12, Math.max(...sides) > 50]).toEqual([true, true]);
  });

  it('shows at least the wanted share of every object, and pixels of one only', () => {
    const scene = {
      width: 64,
      height: 64,
      seed: 3,
      classes: CLASS_NAMES,
      objects: [8, 8] as const,
      sizes: [20, 40] as const,
      minVisible: 0.6,
      noise: 0,
    };
    let hidden = 0;
    for (let picture = 0; picture < 40; picture++) {
      const things = layScene(scene, picture);
      expect(things.reduce((sum, { area }) => sum + area, 0)).toBeLessThanOrEqual(64 * 64);
      for (const { area, radius, shape } of things) {
        if (shape !== 'disk') continue;
        const share = area / (Math.PI * (0.92 * radius) ** 2);
        expect(share).toBeGreaterThan(0.55);
        if (share < 0.9) hidden++;
      }
    }
    expect(hidden).toBeGreaterThan(5);
  });

  it('refuses what makes no picture', async () => {
    await expect(open({ images: 0 })).rejects.toThrow(/"images"/);
    await expect(open({ images: 1_000_000 })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message:
        'synthetic: 1000000 pictures with up to 8 things of up to 60 pixels would take minutes to lay out, at every start; at most 108506 such pictures, or fewer and smaller things.',
    });
    await expect(open({ images: 1000, size: 1024, sizes: [100, 900] })).rejects.toThrow(/at most 482 such pictures/);
    await expect(open({ classes: ['striped-dsk'] })).rejects.toThrow(/did you mean "striped-disk"/);
    await expect(open({ sizes: [30, 10] })).rejects.toThrow(/"sizes"/);
    await expect(open({ size: 8 })).rejects.toThrow(/"size"/);
    await expect(open({ objects: [3, 1] })).rejects.toThrow(/"objects"/);
    await expect(open({ images: 5e9 })).rejects.toThrow(
      /"images" must be a whole number from 1 to 1000000, not 5000000000/,
    );
    await expect(open({ size: [64, 1e9] })).rejects.toThrow(/"size"/);
    await expect(open({ size: 4097 })).rejects.toThrow('"size" must be 16 to 4096 pixels, not 4097');
    await expect(open({ objects: [0, 1e9] })).rejects.toThrow(/"objects"/);
    await expect(open({ sizes: [1e8, 1e9] })).rejects.toThrow(/"sizes"/);
    await expect(open({ classes: ['constructor'] })).rejects.toThrow(/no class "constructor"/);
    for (const wrong of [
      { images: '5' },
      { size: '64' },
      { objects: 3 },
      { sizes: [10] },
      { noise: 'x' },
      { imgaes: 1 },
    ])
      await expect(open(wrong as object)).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining(Object.keys(wrong)[0]!) as string,
      });
  });
});
