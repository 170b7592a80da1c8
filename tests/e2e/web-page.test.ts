import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noChromium, openPage, type Page } from './chromium.js';
import { bccdMini, kd, kdProcess, root, temporaryFolder } from './kd.js';

const missing = noChromium ?? (bccdMini === null ? 'KD_BCCD_MINI names no folder of images' : null);
const checkpoint = join(root, 'examples/bccd/dense/gfl-teacher.safetensors');

/** What every file server knows. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

interface Found {
  readonly box: readonly number[];
  readonly score: number;
  readonly label: number;
}

/** What `expected` has from a score on and nobody found: the same label, 0.05 px, 2e-4 of the score. */
const unmatched = (expected: readonly Found[], found: readonly Found[], from: number): Found[] =>
  expected.filter(
    (one) =>
      one.score >= from &&
      !found.some(
        (other) =>
          other.label === one.label &&
          Math.abs(other.score - one.score) < 2e-4 &&
          other.box.every((side, i) => Math.abs(side - one.box[i]!) < 0.05),
      ),
  );

/** A worker of a page that has the folder's modules. */
const WORKER = `import { load } from './detect/load.js';
import * as runtime from './ort/ort.wasm.min.mjs';
runtime.env.wasm.wasmPaths = new URL('./ort/', import.meta.url).href;
runtime.env.wasm.numThreads = 1;
onmessage = async ({ data }) => {
  const detector = await load(new URL('./model.onnx', import.meta.url), { backend: 'wasm', runtime });
  postMessage(await detector.detect(data));
};
`;

describe(`the page of kd export --to web${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  const folder = join(temporaryFolder(), 'page');
  const names = missing === null ? readdirSync(join(bccdMini!, 'JPEGImages')).sort().slice(0, 2) : [];
  const images = names.map((name) => join(bccdMini!, 'JPEGImages', name));
  let page: Page;
  let stop = async (): Promise<unknown> => undefined;
  let address: Promise<string>;

  beforeAll(async () => {
    if (missing !== null) return;
    const written = await kd(['export', checkpoint, '--to', 'web', '--out', folder]);
    expect(written.code, written.stderr).toBe(0);
    address = new Promise((done) => {
      const served = kdProcess(['serve', folder], {
        onStdout: (text, kill) => {
          done(/http:\/\/\S+/.exec(text)![0]);
          stop = () => (kill('SIGTERM'), served);
        },
      });
    });
    page = await openPage([
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      // WebGL without a graphics card.
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
    ]);
  });
  afterAll(async () => {
    await page?.close();
    await stop();
  });

  test.skipIf(missing !== null)('finds in a browser what kd predict finds, and stays within its folder', async () => {
    await page.open(await address);
    await page.until('document.documentElement.dataset.backend');
    expect(await page.value('document.documentElement.dataset.backend')).toBe('wasm');
    expect(await page.value('crossOriginIsolated')).toBe(true);

    // Where the picture ends, the page goes on.
    const broken = join(temporaryFolder(), '<b>broken.jpg');
    writeFileSync(broken, 'no picture');
    await page.files('#files', [...images, broken]);
    await page.until(`document.querySelectorAll('article').length === ${images.length}`);
    await page.until(`!document.querySelector('#problem').hidden`);
    expect(await page.value('document.querySelector("#problem").textContent')).toBe(
      '<b>broken.jpg is no image that this browser can read.',
    );

    const { stdout, stderr } = await kd(['predict', checkpoint, ...images, '--threshold', '0.06', '--json', '-']);
    const predicted = JSON.parse(stdout) as readonly { readonly file: string; readonly detections: readonly Found[] }[];
    expect(predicted, stderr).toHaveLength(images.length);
    await page.value(
      `{ const s = document.querySelector('#score'); s.value = 0.05; s.dispatchEvent(new Event('input')); }`,
    );
    for (const [i, { detections }] of predicted.entries()) {
      // The newest is shown first.
      const found = await page.value<Found[]>(
        `Array.from(document.querySelectorAll('article')[${images.length - 1 - i}].querySelectorAll('li'), ({ dataset }) =>
          ({ box: dataset.box.split(' ').map(Number), score: Number(dataset.score), label: Number(dataset.label) }))`,
      );
      expect(detections.length).toBeGreaterThan(10);
      expect(unmatched(detections, found, 0.061)).toEqual([]);
      expect(unmatched(found, detections, 0.061)).toEqual([]);
      expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).sort((a, b) => b - a));
    }

    // A back end that does not take the model (WebGL knows no GroupNorm): the page says so and goes on with the other.
    await page.value(
      `{ const s = document.querySelector('#backend'); s.value = 'webgl'; s.dispatchEvent(new Event('change')); }`,
    );
    await page.until(`document.querySelector('#problem').textContent.startsWith('WebGL does not run this model: ')`);
    await page.until(`document.querySelector('#status').textContent === 'Ready, on WASM.'`);
    expect(await page.value('document.querySelector("#backend").value')).toBe('wasm');
    expect(await page.value('document.querySelector("#backend option[value=webgl]").disabled')).toBe(true);
    expect(await page.value('document.documentElement.dataset.backend')).toBe('wasm');

    // The modules of the page in a worker: no document is needed.
    writeFileSync(join(folder, 'worker.js'), WORKER);
    copyFileSync(images[0]!, join(folder, 'picture.jpg'));
    const inWorker = await page.value<Found[]>(
      `(async () => {
        const blob = await (await fetch('picture.jpg')).blob();
        const picture = await createImageBitmap(blob, { colorSpaceConversion: 'none', imageOrientation: 'from-image' });
        const worker = new Worker('worker.js', { type: 'module' });
        const answer = new Promise((done, fail) => {
          worker.onmessage = ({ data }) => done(data);
          worker.onerror = ({ message }) => fail(new Error(message));
        });
        worker.postMessage(picture, [picture]);
        return answer;
      })()`,
    );
    expect(unmatched(predicted[0]!.detections, inWorker, 0.061)).toEqual([]);
    expect(unmatched(inWorker, predicted[0]!.detections, 0.061)).toEqual([]);

    await page.value('document.querySelector("#film").click()');
    await page.until(`document.querySelectorAll('article').length === ${images.length + 1}`);
    await page.until(`/images\\/s/.test(document.querySelector('article header p').textContent)`);
    await page.value('document.querySelector("#film").click()');
    expect(await page.value('document.querySelector("#film").textContent')).toBe('Start');

    expect(page.complaints).toEqual([]);
    const own = new URL(await address).origin;
    expect(page.requests.filter((url) => !url.startsWith(own) && !/^(blob|data):/.test(url))).toEqual([]);
    // The policy, not the good will of the scripts, keeps others out.
    expect(await page.value(`fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')`)).toBe('refused');
    expect(page.complaints.some((text) => text.includes('Content Security Policy'))).toBe(true);
  });

  test.skipIf(missing !== null)('works on any file server, below any path, and says why not from file:', async () => {
    page.complaints.length = 0;
    const plain = createServer((request, response) => {
      const file = join(folder, request.url!.replace(/^\/deep\/page\//, '') || 'index.html');
      if (!existsSync(file)) return void response.writeHead(404).end();
      const type = TYPES[extname(file)] ?? 'application/octet-stream';
      response.writeHead(200, { 'content-type': type }).end(readFileSync(file));
    });
    await once(plain.listen(0, '127.0.0.1'), 'listening');
    try {
      await page.open(`http://127.0.0.1:${(plain.address() as AddressInfo).port}/deep/page/`);
      await page.until('document.documentElement.dataset.backend');
      expect(await page.value('document.querySelector("#off").checkVisibility()')).toBe(false);
      await page.files('#files', images.slice(0, 1));
      await page.until(`document.querySelectorAll('li').length > 5`);
      expect(page.complaints).toEqual([]);
    } finally {
      plain.close();
      plain.closeAllConnections();
    }

    await page.open(pathToFileURL(join(folder, 'index.html')).href);
    await page.until(`document.querySelector('#off').checkVisibility({ checkVisibilityCSS: true })`);
    expect(await page.value('document.querySelector("#off").innerText')).toMatch(/file:.*kd serve FOLDER/s);
  });

  test.skipIf(missing !== null)(
    'runs on WebGPU, and goes on with WASM where the graphics device is lost',
    async ({ skip }) => {
      // WebGPU without a graphics card.
      const gpu = await openPage(['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']);
      try {
        const found = () =>
          gpu.value<Found[]>(
            `Array.from(document.querySelectorAll('li[data-box]'), ({ dataset }) =>
            ({ box: dataset.box.split(' ').map(Number), score: Number(dataset.score), label: Number(dataset.label) }))`,
          );
        const use = (name: string) =>
          gpu.value(
            `{ const s = document.querySelector('#backend'); s.value = '${name}'; s.dispatchEvent(new Event('change')); }`,
          );
        const shownOn = (name: string) =>
          gpu.until(`document.querySelector('article p')?.textContent.endsWith('${name}')`);
        await gpu.open(await address);
        await gpu.until('document.documentElement.dataset.backend');
        if (await gpu.value<boolean>('document.querySelector("#backend option[value=webgpu]").disabled'))
          return skip('this Chromium has no WebGPU without a graphics card (SwiftShader)');
        // The one without a card is offered, and is not the first choice.
        expect(await gpu.value('document.documentElement.dataset.backend')).toBe('wasm');
        await gpu.files('#files', images.slice(0, 1));
        await shownOn('WASM');
        const onWasm = await found();
        expect(onWasm.length).toBeGreaterThan(10);
        await use('webgpu');
        await shownOn('WebGPU');
        const onWebGpu = await found();
        expect(unmatched(onWasm, onWebGpu, 0.301)).toEqual([]);
        expect(unmatched(onWebGpu, onWasm, 0.301)).toEqual([]);

        // As when a driver is reset: the run at hand fails, and onnxruntime would freeze the page in the next one.
        await gpu.send('Browser.crashGpuProcess').catch(() => {});
        await gpu.files('#files', images);
        await gpu.until(`document.querySelectorAll('article').length === ${1 + images.length}`);
        await shownOn('WASM');
        expect(await gpu.value('document.querySelector("#problem").textContent')).toMatch(
          /^WebGPU stopped, and another back end goes on\. /,
        );
        expect(await gpu.value('document.querySelector("#backend option[value=webgpu]").disabled')).toBe(true);
        expect(gpu.complaints).toEqual([]);
      } finally {
        await gpu.close();
      }
    },
  );

  test.skipIf(missing !== null)('is written whole or not at all', async () => {
    const again = await kd(['export', checkpoint, '--to', 'web', '--out', folder]);
    expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/is there already and is not empty/)]);
    expect(readdirSync(join(folder, '..'))).toEqual(['page']);
  });
});
