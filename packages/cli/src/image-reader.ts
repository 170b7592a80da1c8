// The thread of image-thread.ts.
import { parentPort, workerData } from 'node:worker_threads';
import sharp from 'sharp';
import type { ImageAnswer, ImageRequest, ImageSetup } from './image-thread.js';
import { prepareFile } from './prepared-image.js';

// One thread an image: the rest of the machine belongs to the engine.
sharp.concurrency(1);
sharp.cache(false);

const port = parentPort!;
const { input, pixels } = workerData as ImageSetup;
let last: Promise<void> = Promise.resolve();
port.on('message', (request: ImageRequest | null) => {
  if (request === null) return port.close();
  // Files are decoded side by side, answers keep their order.
  const made = prepareFile(request.file, input, pixels, request.spare).catch(() => null);
  last = last.then(async () => answer(await made));
});

/** The batch is moved to the other thread, not copied; the pixels lie in memory of sharp's, which cannot be. */
const answer = (made: ImageAnswer): void =>
  port.postMessage(made, made === null ? [] : [made.batch.images.buffer as ArrayBuffer]);

port.postMessage('ready');
