// Detects in a worker of Node, with the package as it is built.
import { parentPort, workerData } from 'node:worker_threads';
import { load } from '@kd/detect';

const detector = await load(workerData.model);
parentPort.postMessage(await detector.detect(workerData.image));
await detector.dispose();
