import { Worker } from 'node:worker_threads';
import { type InputSpec, messageOf } from '@kd/core';
import type { PreparedImage } from './prepared-image.js';

/** What the thread is set up with. */
export interface ImageSetup {
  readonly input: InputSpec;
  /** Whether the pixels of the image are wanted besides its batch. */
  readonly pixels: boolean;
}

/** What it is asked for. */
export interface ImageRequest {
  readonly file: string;
  /** Memory of a batch that is done with, for the next one. */
  readonly spare?: ArrayBuffer;
}

/** What it answers, in the order of the files; null for an image that cannot be used. */
export type ImageAnswer = PreparedImage | null;

/** A thread that reads, decodes and resizes images while a detector holds this one. */
export interface ImageThread {
  /** Whether it has loaded what it needs: until then whoever is idle is done sooner. */
  ready(): boolean;
  /** Null where it cannot: whoever wants the image then reads it here, and tells what is wrong. */
  prepare(file: string): Promise<ImageAnswer>;
  /** Takes back the memory of a batch that is done with: new memory for each costs more than to write to it. */
  recycle(image: PreparedImage): void;
  close(): Promise<void>;
}

/** @param ended told why, where the thread ended by itself: all is null from then on */
export function imageThread(setup: ImageSetup, ended: (why: string) => void): ImageThread {
  const worker = new Worker(threadFile(), { workerData: setup, name: 'kd-images', execArgv: [] });
  const waiting: ((answer: ImageAnswer) => void)[] = [];
  const spares: ArrayBuffer[] = [];
  let open = true;
  const end = (why: string | null): void => {
    if (open && why !== null) ended(why);
    open = false;
    for (const answer of waiting.splice(0)) answer(null);
  };
  let ready = false;
  worker.on('message', (answer: ImageAnswer | 'ready') => {
    if (answer === 'ready') ready = true;
    else waiting.shift()?.(answer);
  });
  worker.on('error', (cause) => end(messageOf(cause)));
  let gone = false;
  worker.on('exit', (code) => {
    gone = true;
    end(`exit code ${code}`);
  });
  return {
    ready: () => ready,
    prepare: (file) =>
      new Promise((resolve) => {
        if (!open) return resolve(null);
        waiting.push(resolve);
        const spare = spares.pop();
        if (spare === undefined) worker.postMessage({ file } satisfies ImageRequest);
        else worker.postMessage({ file, spare } satisfies ImageRequest, [spare]);
      }),
    recycle: ({ batch }) => {
      if (open) spares.push(batch.images.buffer as ArrayBuffer);
    },
    close: () => {
      end(null);
      // It ends by itself: a thread that is ended from outside may have native code at work.
      return new Promise((resolve) => {
        if (gone) return resolve();
        worker.once('exit', () => resolve());
        worker.postMessage(null);
      });
    },
  };
}

/** The built file, also where this module is run from its TypeScript source (which threads cannot load). */
const threadFile = (): URL =>
  new URL(import.meta.url.endsWith('.ts') ? '../dist/image-reader.js' : './image-reader.js', import.meta.url);
