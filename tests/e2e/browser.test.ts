import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Distilled } from './browser-page/distil.js';
import { ENGINES } from './browser-page/engines.js';
import { noChromium, openPage, type Page } from './chromium.js';
import { SOFTWARE_CARD } from '../software-card.js';
import { root, temporaryFolder } from './kd.js';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** What gives a page a SharedArrayBuffer. */
const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

async function serve(folder: string, headers: Readonly<Record<string, string>> = {}): Promise<Server> {
  const server = createServer((request, response) => {
    const file = join(folder, request.url === '/' ? 'index.html' : request.url!);
    if (!existsSync(file)) return void response.writeHead(404).end();
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type, ...headers }).end(readFileSync(file));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

const addressOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

/** The terms of the steps, one list: `1 ssim.feat`. */
const flat = ({ terms }: Distilled): Map<string, number> =>
  new Map(terms.flatMap((one, i) => Object.entries(one).map(([name, value]) => [`${i + 1} ${name}`, value])));

/** The same numbers to a part of 1e-5, by name. */
function expectAlike(found: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>): void {
  expect([...found.keys()]).toEqual([...expected.keys()]);
  for (const [name, value] of expected)
    expect(Math.abs(found.get(name)! - value), `${name}: ${found.get(name)}, in Node ${value}`).toBeLessThanOrEqual(
      1e-5 * Math.abs(value),
    );
}

describe(`training in a browser${noChromium === null ? '' : ` (skipped: ${noChromium})`}`, () => {
  const skip = noChromium !== null;
  const folder = join(temporaryFolder(), 'page');
  /** Where the packages are found that it imports. */
  const inNodeFolder = join(root, 'node_modules/.kd-browser-test');
  let servers: Record<'isolated' | 'plain', Server>;
  let page: Page;

  beforeAll(async () => {
    if (skip) return;
    await build({
      root: join(root, 'tests/e2e/browser-page'),
      configFile: false,
      logLevel: 'silent',
      build: { outDir: folder },
    });
    await build({
      root: join(root, 'tests/e2e/browser-page'),
      configFile: false,
      logLevel: 'silent',
      ssr: { external: true },
      build: { ssr: 'node.ts', outDir: inNodeFolder },
    });
    servers = { isolated: await serve(folder, ISOLATED), plain: await serve(folder) };
    page = await openPage();
  });
  afterAll(async () => {
    await page?.close();
    rmSync(inNodeFolder, { recursive: true, force: true });
    for (const server of Object.values(servers ?? {})) server.close();
  });
  const open = (where: 'isolated' | 'plain'): Promise<void> => page.open(addressOf(servers[where]));
  /** The message of what an expression of the page rejects with. */
  const refusal = (expression: string): Promise<string> =>
    page.value(`${expression}.then(() => 'nothing was refused', ({ code, message }) => code + ': ' + message)`);

  /** Losses, weights and figures of a run in a page, which are those of a process of Node. */
  async function expectAsInNode(name: keyof typeof ENGINES, tab: Page, env = {}): Promise<Distilled> {
    // Its engine ends with its process: the files of this one share TensorFlow.js.
    const script = [join(inNodeFolder, 'node.js'), name, temporaryFolder()];
    const run = promisify(execFile)(process.execPath, script, { env: { ...process.env, ...env } });
    const [{ stdout }, inPage] = await Promise.all([run, tab.value<Distilled>(`distil(ENGINES.${name}, 'runs')`)]);
    const inNode = JSON.parse(stdout) as Distilled;
    expect(inNode.terms).toHaveLength(ENGINES[name].steps);
    expect(Object.keys(inNode.terms[0]!)).toEqual(['classification', 'bbox_regression', 'ssim.feat']);
    expectAlike(flat(inPage), flat(inNode));
    expectAlike(new Map(Object.entries(inPage.squares)), new Map(Object.entries(inNode.squares)));
    expect(Object.keys(inPage.metrics)).toEqual(Object.keys(inNode.metrics));
    expect(tab.complaints).toEqual([]);
    const own = addressOf(servers.plain);
    expect(tab.requests.filter((url) => !url.startsWith(own) && !/^(blob|data):/.test(url))).toEqual([]);
    return inNode;
  }

  test.skipIf(skip)('distils on WebAssembly with the losses and weights of Node', async () => {
    await open('plain');
    const { squares } = await expectAsInNode('wasm', page);
    // The run folder is in the memory of the page: weights come out of it, and go into it, by paths.
    const kept = await page.value<readonly [string, number]>(`(async () => {
        const best = await core.findCheckpoint('runs/student', weights.safetensorsFormat);
        await core.writeFileAtomic('copy.safetensors', await core.readRegularFile(best));
        const { values, metadata } = await weights.openWeights('copy.safetensors');
        return [JSON.parse(metadata.detector).name, values.size];
      })()`);
    expect(kept).toEqual(['retinanet', Object.keys(squares).length]);
    expect(page.complaints).toEqual([]);
  });

  // On the same card in both: another one rounds otherwise.
  test.skipIf(skip || !existsSync(SOFTWARE_CARD))(
    `distils on WebGPU with the losses and weights of Node (needs ${SOFTWARE_CARD})`,
    async ({ skip }) => {
      const tab = await openPage(['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']);
      try {
        await tab.open(addressOf(servers.plain));
        if (!(await tab.value('navigator.gpu?.requestAdapter().then(Boolean)')))
          return skip('this Chromium has no WebGPU without a graphics card (SwiftShader)');
        await expectAsInNode('webgpu', tab, { VK_ICD_FILENAMES: SOFTWARE_CARD });
        const lost = `(async () => {
          const { device } = tf.backend();
          device.destroy();
          await device.lost;
          return tf.add(tf.ones([2]), 1).data();
        })()`;
        expect(await tab.value(`${lost}.catch(({ message }) => message)`)).toMatch(
          /^the graphics device was lost \(destroyed\).* with resume: true, on this engine or the engine wasm, /,
        );
        expect(
          await tab.value(`webgpu().start().then(() => tf.add(tf.ones([2]), 1).data()).then((data) => [...data])`),
        ).toEqual([2, 2]);
      } finally {
        await tab.close();
      }
    },
  );

  test.skipIf(skip)('uses threads where there is a SharedArrayBuffer, and learns the same', async () => {
    await open('isolated');
    expect(await page.value('wasm({ threads: 2 }).start()')).toMatchObject({ name: 'wasm', threads: 2 });
    const threaded = await page.value<Distilled>(`distil({ engine: wasm(), batchSize: 2, steps: 1 }, 'runs')`);
    await open('plain');
    expect(await page.value('wasm().start()')).toMatchObject({ threads: 1 });
    expectAlike(
      flat(threaded),
      flat(await page.value<Distilled>(`distil({ engine: wasm(), batchSize: 2, steps: 1 }, 'runs')`)),
    );
    expect(page.complaints).toEqual([]);
  });

  test.skipIf(skip)('the page of examples/browser trains and draws', async () => {
    const example = join(root, 'examples/browser');
    const built = join(folder, 'example');
    await build({
      ...{ root: example, configFile: join(example, 'vite.config.ts'), logLevel: 'silent' },
      build: { outDir: built },
    });
    const server = await serve(built, ISOLATED);
    try {
      await page.open(addressOf(server));
      await page.until(`document.querySelectorAll('canvas').length === 6`);
      await page.value(`document.querySelector('#train').click()`);
      await page.until(`document.documentElement.dataset.state || document.querySelector('#curve canvas')`);
      expect(await page.value(`document.querySelector('#status').textContent`)).toMatch(
        /^Step 2 of 200, \d+ (s|min) left\.$/,
      );
      expect(await page.value(`document.querySelector('.u-legend').textContent`)).toMatch(
        /^step2classification\d\.\d+bbox_regression\d\.\d+ssim\.feat\d\.\d+$/,
      );
      await page.value(`document.querySelector('#train').click()`);
      expect(await page.value(`document.querySelector('#status').textContent`)).toBe('Stopped.');
      expect(page.complaints).toEqual([]);
    } finally {
      server.close();
    }
  });

  test.skipIf(skip)('says what a page lacks, and the way on', async () => {
    await open('plain');
    expect(await refusal('wasm({ threads: 4 }).start()')).toMatch(
      /^ENGINE_UNAVAILABLE: wasm\(\{ threads: 4 \}\) needs a SharedArrayBuffer.*Cross-Origin-Opener-Policy.*leave threads out/,
    );
    expect(await refusal(`wasm({ files: 'nowhere' }).start()`)).toMatch(
      /^ENGINE_UNAVAILABLE: http.*\/nowhere\/tfjs-backend-wasm-simd\.wasm answers 404.*Serve them, and name their folder/,
    );
    page.complaints.length = 0;
    const trainer = (config: string): string =>
      `new core.Trainer({ data: { train: data.synthetic({ images: 8 }) }, epochs: 1, ${config} }, { out: 'x', format: weights.safetensorsFormat }).fit()`;
    expect(await refusal(trainer(`student: 'retinanet'`))).toMatch(
      /^USAGE: in a browser no detector is found by its name "retinanet": import it, of @kd\/detector-retinanet, and write/,
    );
    expect(await refusal(`core.resolveEngine('auto', '.')`)).toBe('nothing was refused');
    expect(await refusal(`core.resolveEngine('auto', '.').then((engine) => engine.start())`)).toMatch(
      /^USAGE: in a browser no engine is found by its name: .* engine: wasm\(\)/,
    );
    expect(
      await refusal(`core.writeFileAtomic('a.pth', 'PK\\x03\\x04').then(() => weights.openWeights('a.pth'))`),
    ).toMatch(/^CHECKPOINT_INVALID: a\.pth is a checkpoint of torch, and a browser reads safetensors alone/);
    expect(await refusal(`weights.openWeights('b.safetensors')`)).toMatch(
      /^CHECKPOINT_INVALID: b\.safetensors could not be read: the memory of this page has no file .*writeFileAtomic/,
    );
    expect(page.complaints).toEqual([]);
    await open('plain');
    await page.value(`Object.defineProperty(navigator, 'gpu', { value: { requestAdapter: async () => null } })`);
    expect(await refusal('webgpu().start()')).toMatch(
      /^ENGINE_UNAVAILABLE: this browser has WebGPU, and no graphics adapter.*Take another browser, or the engine wasm\.$/,
    );
    await open('plain');
    await page.value(`Object.defineProperty(navigator, 'gpu', { value: undefined })`);
    expect(await refusal('webgpu().start()')).toMatch(
      /^ENGINE_UNAVAILABLE: this browser has no WebGPU.*HTTPS.*Take another browser, or the engine wasm\.$/,
    );
    expect(await refusal(`webgpu({ adapter: 'NVIDIA' }).start()`)).toMatch(
      /^USAGE: a browser chooses the adapter by itself: .*powerPreference/,
    );
    await open('plain');
    await page.value('WebAssembly.validate = () => false');
    expect(await refusal('wasm().start()')).toMatch(
      /^ENGINE_UNAVAILABLE: this browser has no WebAssembly with SIMD.*Chrome 91/,
    );
    expect(page.complaints).toEqual([]);
  });
});
