import { Worker } from 'node:worker_threads';
import { messageOf } from '../../errors.js';
import type { MapAnswer, MapThread } from '../../run/map-answers.js';

/**
 * @param module URL of a module with the `read` of the format
 * @param ended told why, where the thread ended by itself: all is null from then on
 */
export function mapThread(module: string, ended: (why: string) => void): MapThread {
  const worker = new Worker(threadFile(), { workerData: module, name: 'kd-maps', execArgv: [] });
  const waiting: ((answer: MapAnswer) => void)[] = [];
  let open = true;
  const end = (why: string | null): void => {
    if (open && why !== null) ended(why);
    open = false;
    for (const answer of waiting.splice(0)) answer(null);
  };
  worker.on('message', (answer: MapAnswer) => waiting.shift()?.(answer));
  worker.on('error', (cause) => end(messageOf(cause)));
  worker.on('exit', (code) => end(`exit code ${code}`));
  return {
    read: (job) =>
      new Promise((resolve) => {
        if (!open) return resolve(null);
        waiting.push(resolve);
        worker.postMessage(job);
      }),
    close: async () => {
      end(null);
      await worker.terminate();
    },
  };
}

/** The built file, also where this module is run from its TypeScript source (which threads cannot load). */
const threadFile = (): URL =>
  new URL(
    import.meta.url.endsWith('.ts') ? '../../../dist/host/node/map-reader.js' : './map-reader.js',
    import.meta.url,
  );
