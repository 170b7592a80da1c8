import { Worker } from 'node:worker_threads';

/**
 * Ends the process when one case takes longer than `limit` seconds, also where nothing of the main thread runs any more,
 * or when memory passes `most` bytes: nothing else could. The last line says which case it was.
 */
export function watchdog({ limit, most }) {
  const shared = new SharedArrayBuffer(4 + 4 + 1024);
  const [count, length] = [new Int32Array(shared, 0, 1), new Int32Array(shared, 4, 1)];
  const text = new Uint8Array(shared, 8);
  const worker = new Worker(
    `const { workerData: { shared, limit, most } } = require('node:worker_threads');
     const { writeSync } = require('node:fs');
     const [count, length] = [new Int32Array(shared, 0, 1), new Int32Array(shared, 4, 1)];
     let last = -1, since = 0;
     setInterval(() => {
       const now = Atomics.load(count, 0);
       if (now !== last) { last = now; since = Date.now(); }
       const { rss } = process.memoryUsage();
       const why = rss > most ? 'memory of ' + Math.round(rss / 1e6) + ' MB' : Date.now() - since > 1000 * limit ? 'longer than ' + limit + ' s' : null;
       if (why === null) return;
       writeSync(2, 'FOUND hang or memory: ' + why + ': ' + Buffer.from(new Uint8Array(shared, 8, length[0]).slice()).toString() + '\\n');
       process.kill(process.pid, 'SIGKILL');
     }, 250);`,
    { eval: true, workerData: { shared, limit, most } },
  );
  worker.unref();
  return (what) => {
    const { written } = new TextEncoder().encodeInto(what.slice(0, 300), text);
    length[0] = written;
    Atomics.add(count, 0, 1);
  };
}
