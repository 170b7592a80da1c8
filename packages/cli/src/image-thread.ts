import { Worker } from 'node:worker_threads';
import { type InputSpec, messageOf } from '@kd/core';
import type { PreparedImage } from './prepared-image.js';

/** What the thread is set up with. */
export interface ImageSetup {
  readonly input: InputSpec;
  /** Whether the pixels of the image are wanted besides its batch. */
  readonly pixels: boolean;
}

/** What it answers, in the order of the files; null for an image that cannot be used. */
export type ImageAnswer = PreparedImage | null;

/** A thread that reads, decodes and resizes images while a detector holds this one. */
export interface ImageThread {
  /** Null where it cannot: whoever wants the image then reads it here, and tells what is wrong. */
  prepare(file: string): Promise<ImageAnswer>;
  close(): Promise<void>;
}

/** @param ended told why, where the thread ended by itself: all is null from then on */
export function imageThread(setup: ImageSetup, ended: (why: string) => void): ImageThread {
  const worker = new Worker(threadFile(), { workerData: setup, name: 'kd-images', execArgv: [] });
  const waiting: ((answer: ImageAnswer) => void)[] = [];
  let open = true;
  const end = (why: string | null): void => {
    if (open && why !== null) ended(why);
    open = false;
    for (const answer of waiting.splice(0)) answer(null);
  };
  worker.on('message', (answer: ImageAnswer) => waiting.shift()?.(answer));
  worker.on('error', (cause) => end(messageOf(cause)));
  let gone = false;
  worker.on('exit', (code) => {
    gone = true;
    end(`exit code ${code}`);
  });
  return {
    prepare: (file) =>
      new Promise((resolve) => {
        if (!open) return resolve(null);
        waiting.push(resolve);
        worker.postMessage(file);
      }),
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
