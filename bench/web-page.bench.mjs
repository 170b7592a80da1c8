// The page of `kd export --to web` in headless Chromium, on WASM: bytes, time to the first detection, images a second.
//
//   KD_BENCH_PAGE=FOLDER KD_BENCH_IMAGES=FOLDER pnpm bench web-page
//
// A script beside the page does what the page does, with its modules, and sends back what it measured.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rounded } from './figures.mjs';

export const name = 'web-page';

const { KD_BENCH_PAGE: page, KD_BENCH_IMAGES: images, CHROMIUM: program = 'chromium' } = process.env;
const ROUNDS = 3;
const TYPES = { js: 'text/javascript', mjs: 'text/javascript', html: 'text/html', wasm: 'application/wasm' };

export async function run() {
  if (!page || !images)
    throw new Error('KD_BENCH_PAGE is a folder that kd export --to web wrote, KD_BENCH_IMAGES one of images.');
  const names = readdirSync(images).sort().slice(0, 20);
  let finish;
  const measured = new Promise((done) => (finish = done));
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(request.url);
    if (request.method === 'POST') {
      const parts = [];
      for await (const part of request) parts.push(part);
      response.end();
      return finish(JSON.parse(Buffer.concat(parts)));
    }
    response.writeHead(200, {
      'content-type': TYPES[path.split('.').at(-1)] ?? 'application/octet-stream',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    });
    if (path === '/bench.html')
      response.end('<link rel="icon" href="data:,"><script type="module" src="bench.js"></script>');
    else if (path === '/bench.js') response.end(`(${inPage})(${JSON.stringify(names)}, ${ROUNDS})`);
    else response.end(readFileSync(path.startsWith('/images/') ? join(images, path.slice(8)) : join(page, path)));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const profile = mkdtempSync(join(tmpdir(), 'kd-bench-'));
  const address = `http://127.0.0.1:${server.address().port}/bench.html`;
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-dev-shm-usage',
    `--user-data-dir=${profile}`,
    '--remote-debugging-port=0',
  ];
  const browser = spawn(program, [...flags, address], { stdio: 'ignore' });
  const gone = once(browser, 'exit');
  try {
    const result = await Promise.race([
      measured,
      gone.then(([code]) => Promise.reject(new Error(`Chromium ended with ${code}.`))),
    ]);
    if (result.error) throw new Error(result.error);
    const { first_ms, times, threads } = result;
    const sorted = times.toSorted((a, b) => a - b);
    return {
      first_detection_ms: rounded(first_ms),
      images_per_second: rounded((1000 * times.length) / times.reduce((sum, ms) => sum + ms, 0)),
      least_ms: rounded(sorted[0]),
      median_ms: rounded(sorted[sorted.length >> 1]),
      threads,
      images: times.length,
      bytes: bytesOf(page),
      timed:
        'first: from the start of navigation; then resizing, network and decoding of images that the browser has decoded',
    };
  } finally {
    browser.kill();
    await gone;
    server.close();
    server.closeAllConnections();
    rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Bytes by part of the folder. */
function bytesOf(folder) {
  const bytes = { page: 0, script: 0, model: 0, runtime: 0 };
  for (const file of readdirSync(folder, { recursive: true })) {
    const stat = statSync(join(folder, file));
    if (!stat.isFile()) continue;
    const part = file.startsWith('ort/')
      ? 'runtime'
      : file.startsWith('detect/')
        ? 'script'
        : file === 'model.onnx'
          ? 'model'
          : 'page';
    bytes[part] += stat.size;
  }
  return bytes;
}

/* global document, performance, createImageBitmap, fetch */
/** Runs in the browser. */
async function inPage(names, rounds) {
  const send = (result) => fetch('result', { method: 'POST', body: JSON.stringify(result) });
  try {
    const { load } = await import('./detect/load.js');
    const { runtime, threads } = await import('./detect/page/runtime.js');
    const detector = await load(new URL('model.onnx', document.baseURI), {
      backend: 'wasm',
      runtime: await runtime('wasm'),
    });
    const bitmapOf = async (name) =>
      createImageBitmap(await (await fetch(`images/${encodeURIComponent(name)}`)).blob());
    await detector.detect(await bitmapOf(names[0]));
    const first_ms = performance.now();
    const bitmaps = await Promise.all(names.map(bitmapOf));
    const times = [];
    for (let round = 0; round < rounds; round++)
      for (const bitmap of bitmaps) {
        const start = performance.now();
        await detector.detect(bitmap);
        times.push(performance.now() - start);
      }
    await send({ first_ms, times, threads: threads() });
  } catch (error) {
    await send({ error: String(error) });
  }
}
