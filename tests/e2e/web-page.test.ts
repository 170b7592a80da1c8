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

/** Texts below 4.5 : 1, and edges of controls below 3 : 1, of what is in use. */
const FAINT = `(() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => numbers(colour).slice(0, 3)
    .map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const { backgroundColor } = getComputedStyle(node);
      if ((numbers(backgroundColor)[3] ?? 1) > 0) return backgroundColor;
    }
    return 'rgb(255, 255, 255)';
  };
  const faint = [];
  for (const node of document.querySelectorAll('main *')) {
    if (!node.checkVisibility() || node.disabled || node.localName === 'option') continue;
    const style = getComputedStyle(node);
    const said = [...node.childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim() !== '');
    const text = ratio(style.color, behind(node));
    if (said && text < 4.5) faint.push(node.outerHTML.slice(0, 80) + ' text ' + text.toFixed(2));
    const edge = ratio(style.borderTopColor, behind(node.parentElement));
    if (/^(select|button)$/.test(node.localName) && edge < 3) faint.push(node.id + ' edge ' + edge.toFixed(2));
  }
  return faint;
})()`;

describe(`the page of kd export --to web${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  const folder = join(temporaryFolder(), 'page');
  const names = missing === null ? readdirSync(join(bccdMini!, 'JPEGImages')).sort().slice(0, 2) : [];
  const images = names.map((name) => join(bccdMini!, 'JPEGImages', name));
  let page: Page;
  const stops = new Map<string, () => Promise<unknown>>();
  let address: Promise<string>;

  /** Its address, once a folder is served. */
  const serve = (served: string): Promise<string> =>
    new Promise((done) => {
      const ended = kdProcess(['serve', served], {
        onStdout: (text, kill) => {
          done(/http:\/\/\S+/.exec(text)![0]);
          stops.set(served, () => (kill('SIGTERM'), ended));
        },
      });
    });

  beforeAll(async () => {
    if (missing !== null) return;
    const written = await kd(['export', checkpoint, '--to', 'web', '--out', folder]);
    expect(written.code, written.stderr).toBe(0);
    address = serve(folder);
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
    await Promise.all([...stops.values()].map((stop) => stop()));
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
    expect(await page.value('document.querySelector("#film").textContent')).toBe('Start camera');

    expect(page.complaints).toEqual([]);
    const own = new URL(await address).origin;
    expect(page.requests.filter((url) => !url.startsWith(own) && !/^(blob|data):/.test(url))).toEqual([]);
    // The policy, not the good will of the scripts, keeps others out.
    expect(await page.value(`fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')`)).toBe('refused');
    expect(page.complaints.some((text) => text.includes('Content Security Policy'))).toBe(true);
  });

  test.skipIf(missing !== null)('is used by keyboard, and read by a screen reader', async () => {
    page.complaints.length = 0;
    await page.open(await address);
    await page.until('document.documentElement.dataset.backend');
    const press = async (key: string, text?: string) => {
      const of = { key, code: key, windowsVirtualKeyCode: key === 'Tab' ? 9 : 13, ...(text && { text }) };
      await page.send('Input.dispatchKeyEvent', { type: 'keyDown', ...of });
      await page.send('Input.dispatchKeyEvent', { type: 'keyUp', ...of });
    };

    // Images by the keyboard alone: the first stop behind the figures, and Enter.
    expect(await page.value('document.querySelector("#more").hidden')).toBe(true);
    await press('Tab');
    expect(await page.value('document.activeElement.id')).toBe('files');
    await page.send('Page.setInterceptFileChooserDialog', { enabled: true });
    const chooser = page.next('Page.fileChooserOpened');
    await press('Enter', '\r');
    const broken = ['one.jpg', 'two.jpg'].map((name) => join(temporaryFolder(), name));
    for (const file of broken) writeFileSync(file, 'no picture');
    const { backendNodeId } = await chooser;
    await page.send('DOM.setFileInputFiles', { backendNodeId, files: [...broken, ...images] });
    await page.until(`document.querySelectorAll('article').length === ${images.length}`);
    await page.until(`/objects?\\. \\d+ /.test(document.querySelector('#status').textContent)`);

    // What is there, with names and roles, and what is announced.
    interface AxNode {
      readonly role?: { readonly value: string };
      readonly name?: { readonly value: string };
      readonly ignored: boolean;
      readonly properties?: readonly { readonly name: string; readonly value: { readonly value?: unknown } }[];
    }
    const { nodes } = (await page.send('Accessibility.getFullAXTree')) as unknown as { nodes: readonly AxNode[] };
    const seen = nodes.filter(({ ignored }) => !ignored);
    const of = (role: string) => seen.filter((node) => node.role?.value === role);
    const named = (role: string) => of(role).map(({ name }) => name?.value ?? '');
    const property = ({ properties = [] }: AxNode, name: string) =>
      properties.find((one) => one.name === name)?.value.value;
    expect(named('heading')).toEqual(['GFL detector', ...names.toReversed()]);
    expect(named('slider')).toEqual(['Lowest score']);
    expect(named('combobox')).toEqual(['Camera', 'Runs on']);
    expect(named('region')).toEqual(['Results']);
    expect(named('image')).toEqual(names.toReversed().map((name) => expect.stringMatching(`^${name}: \\d+ objects`)));
    expect(named('list')).toEqual(names.toReversed().map((name) => `What was found in ${name}`));
    const focusable = seen.filter((node) => property(node, 'focusable') === true && node.role?.value !== 'RootWebArea');
    expect(focusable.length).toBeGreaterThanOrEqual(5 + images.length);
    expect(focusable.filter(({ name }) => !name?.value)).toEqual([]);
    const found = await page.value<string[]>(`Array.from(document.querySelectorAll('li'), (item) => item.innerText)`);
    expect(found[0]).toMatch(/^\w+ [01]\.\d\d, \d+ × \d+ px at \d+, \d+$/);
    const [status] = of('status').filter((node) => property(node, 'live') === 'polite');
    expect(status).toBeDefined();
    const [alert] = of('alert');
    expect(property(alert!, 'live')).toBe('assertive');
    expect(await page.value('document.querySelector("#problem").textContent')).toBe(
      'one.jpg is no image that this browser can read.\ntwo.jpg is no image that this browser can read.',
    );

    // The other stops in the order that they are seen in, each with a ring around it.
    const stops: string[] = [];
    for (let i = 0; i < 4 + images.length; i++) {
      await press('Tab');
      const [stop, ring] = await page.value<[string, string]>(
        `[document.activeElement.id || document.activeElement.ariaLabel, getComputedStyle(document.activeElement).outline]`,
      );
      expect(ring, stop).toMatch(/solid 3px/);
      stops.push(stop);
    }
    expect(stops).toEqual([
      ...['camera', 'film', 'score', 'backend'],
      ...names.toReversed().map((name) => `What was found in ${name}`),
    ]);
    await page.value(`{ const s = document.querySelector('#score'); s.focus(); s.value = 0.4; }`);
    await page.send('Input.dispatchKeyEvent', {
      type: 'keyDown',
      key: 'ArrowRight',
      code: 'ArrowRight',
      windowsVirtualKeyCode: 39,
    });
    await page.until(
      `/^\\d+ objects in ${images.length} images from 0.41 on\\.$/.test(document.querySelector('#status').textContent)`,
    );

    // Texts, and edges of controls, against what is behind them (WCAG 2.2 AA), in both schemes; narrow, and enlarged.
    for (const scheme of ['light', 'dark']) {
      const features = [
        { name: 'prefers-color-scheme', value: scheme },
        { name: 'prefers-reduced-motion', value: 'reduce' },
      ];
      await page.send('Emulation.setEmulatedMedia', { features });
      expect(await page.value(FAINT), scheme).toEqual([]);
      expect(await page.value('document.getAnimations().length')).toBe(0);
    }
    for (const [width, deviceScaleFactor] of [
      [320, 1],
      [400, 2],
      [640, 2],
    ] as const) {
      await page.send('Emulation.setDeviceMetricsOverride', { width, height: 700, deviceScaleFactor, mobile: false });
      const [whole, shown] = await page.value<[number, number]>(
        '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
      );
      expect(whole, `${width} px`).toBeLessThanOrEqual(shown);
    }
    await page.send('Emulation.clearDeviceMetricsOverride');
    await page.send('Emulation.setEmulatedMedia', { features: [] });
    expect(page.complaints).toEqual([]);
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
      // A small one: WebGPU without a graphics card.
      const small = join(temporaryFolder(), 'page');
      const atss = join(root, 'packages/export/test/trained/atss.safetensors');
      expect(await kd(['export', atss, '--to', 'web', '--out', small])).toMatchObject({ code: 0 });
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
        await gpu.open(await serve(small));
        await gpu.until('document.documentElement.dataset.backend');
        if (await gpu.value<boolean>('document.querySelector("#backend option[value=webgpu]").disabled'))
          return skip('this Chromium has no WebGPU without a graphics card (SwiftShader)');
        // The one without a card is offered, and is not the first choice.
        expect(await gpu.value('document.documentElement.dataset.backend')).toBe('wasm');
        await gpu.value(
          `{ const s = document.querySelector('#score'); s.value = 0.15; s.dispatchEvent(new Event('input')); }`,
        );
        await gpu.files('#files', images.slice(0, 1));
        await shownOn('WASM');
        const onWasm = await found();
        expect(onWasm.length).toBeGreaterThan(10);
        await use('webgpu');
        await shownOn('WebGPU');
        const onWebGpu = await found();
        expect(unmatched(onWasm, onWebGpu, 0.2)).toEqual([]);
        expect(unmatched(onWebGpu, onWasm, 0.2)).toEqual([]);

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
