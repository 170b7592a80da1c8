import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { toyModel } from '../test/model.js';
import { load } from './index.js';

it('finds in a worker what it finds outside of one', async () => {
  const model = toyModel();
  const data = Uint8Array.from({ length: 30 * 20 * 3 }, (_, i) => (Math.floor(i / 3) % 30 < 20 ? 255 : (i * 7) % 256));
  const image = { data, width: 30, height: 20 };
  const worker = new Worker(new URL('../test/worker.mjs', import.meta.url), { workerData: { model, image } });
  const [found] = (await once(worker, 'message')) as [unknown[]];
  const detector = await load(model);
  expect(found).toEqual(await detector.detect(image));
  expect(found.length).toBeGreaterThan(0);
  await detector.dispose();
  await worker.terminate();
});
