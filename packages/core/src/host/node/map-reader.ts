import { parentPort, workerData } from 'node:worker_threads';
import type { CheckpointFormat } from '../../contract/checkpoint.js';
import { readKept, type WantedMaps } from '../../run/kept-maps.js';
import type { MapAnswer } from '../../run/map-answers.js';

// The thread of map-thread.ts.
const { read } = (await import(workerData as string)) as Pick<CheckpointFormat, 'read'>;
const port = parentPort!;
let last: Promise<void> = Promise.resolve(); // one after the other: answers come in the order of the jobs
port.on('message', (wanted: WantedMaps) => {
  last = last
    .then(() => readKept(read, wanted).catch(() => null))
    .then((answer: MapAnswer) =>
      // Moved to the other thread, not copied.
      port.postMessage(answer, answer === null ? [] : Object.values(answer.maps).map(({ data }) => data.buffer)),
    );
});
