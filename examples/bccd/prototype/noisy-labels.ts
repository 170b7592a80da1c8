// A share of the training boxes is spoilt: half of them get another class, half are moved by half to a whole side. And
// a plugin of twenty lines that
// reads the reliability weights beside any other plugin, and tells the mean over spoilt and over clean objects.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createRng, definePlugin } from '@kd/core';
import * as v from 'valibot';
import { root } from '../common.js';

interface Coco {
  readonly images: readonly { readonly id: number; readonly width: number; readonly height: number }[];
  readonly annotations: { readonly id: number; readonly image_id: number; category_id: number; bbox: number[] }[];
  readonly categories: readonly { readonly id: number }[];
}

export type Spoilt = 'flipped' | 'moved';

/** Writes the spoilt annotations into runs/, always the same ones for a share. */
export function noisyLabels(share: number) {
  const coco = JSON.parse(readFileSync(join(root, 'annotations', 'instances_train.json'), 'utf8')) as Coco;
  const sizes = new Map(coco.images.map((image) => [image.id, image]));
  const spoilt = new Map<number, Spoilt>();
  for (const one of coco.annotations) {
    const rng = createRng(0, 'noisy labels', one.id);
    if (rng.uniform() >= share) continue;
    if (rng.uniform() < 0.5) {
      const others = coco.categories.map(({ id }) => id).filter((id) => id !== one.category_id);
      one.category_id = others[rng.int(0, others.length - 1)]!;
      spoilt.set(one.id, 'flipped');
    } else {
      const [x, y, w, h] = one.bbox as [number, number, number, number];
      const { width, height } = sizes.get(one.image_id)!;
      const move = (at: number, side: number, limit: number): number => {
        const by = side * (0.5 + 0.5 * rng.uniform()) * (rng.uniform() < 0.5 ? -1 : 1);
        const inside = at + by >= 0 && at + by + side <= limit ? at + by : at - by;
        return Math.min(Math.max(inside, 0), limit - side);
      };
      one.bbox = [move(x, w, width), move(y, h, height), w, h];
      spoilt.set(one.id, 'moved');
    }
  }
  mkdirSync('runs', { recursive: true });
  const file = resolve(`runs/bccd-noisy-${share}.json`);
  // Whole at any moment: runs side by side read it.
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(coco));
  renameSync(`${file}.${process.pid}`, file);
  return {
    train: {
      format: 'coco' as const,
      annotations: file,
      images: join(root, 'JPEGImages'),
      name: `bccd-train-noisy-${share}`,
    },
    /** What became of each object of an image, in the order of the annotations. */
    of: (image: number | string): readonly (Spoilt | 'clean')[] =>
      coco.annotations.filter(({ image_id }) => image_id === Number(image)).map(({ id }) => spoilt.get(id) ?? 'clean'),
  };
}

export const reliabilityLog = (noise: Pick<ReturnType<typeof noisyLabels>, 'of'>) =>
  definePlugin({
    name: 'reliability-log',
    apiVersion: 1,
    options: v.strictObject({}),
    requires: {},
    create: ({ logger }) => {
      let epoch = 0;
      let sums = new Map<string, { weight: number; count: number }>();
      const tell = (): void => {
        const means = [...sums]
          .sort()
          .map(([what, { weight, count }]) => `${what} ${(weight / count).toFixed(4)} (${count})`);
        if (means.length > 0) logger.info(`reliability, epoch ${epoch}: ${means.join(', ')}`);
        sums = new Map();
      };
      return {
        stats({ weights, instances, targets, progress }) {
          if (progress.epoch !== epoch) tell();
          epoch = progress.epoch;
          const [n, values] = [instances.mask.shape[1], weights.get()!.response.dataSync()];
          instances.matched.dataSync().forEach((truth, row) => {
            const what = truth < 0 ? undefined : noise.of(targets.ids[Math.floor(row / n)]!)[truth];
            if (what === undefined) return;
            const sum = sums.get(what) ?? { weight: 0, count: 0 };
            sums.set(what, { weight: sum.weight + values[row]!, count: sum.count + 1 });
          });
          return {};
        },
        dispose: tell,
      };
    },
  })();
