import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { temporaryFolder } from './kd.js';

const program = process.env.CHROMIUM ?? 'chromium';

/** Why there is no browser to test in, with what installs one; null where there is. */
export const noChromium =
  spawnSync(program, ['--version']).status === 0
    ? null
    : 'Chromium is not installed (Debian: apt install chromium; CHROMIUM names it where it is called otherwise)';

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
  readonly sessionId?: string;
}

/** A page of a headless Chromium, driven by its own protocol over pipes. */
export interface Page {
  /** Errors of the console, exceptions, and requests that failed or were blocked. */
  readonly complaints: string[];
  /** Addresses that were asked for. */
  readonly requests: string[];
  send(method: string, params?: object): Promise<Readonly<Record<string, unknown>>>;
  /** The parameters of the next event of this name. */
  next(event: string): Promise<Readonly<Record<string, unknown>>>;
  open(address: string): Promise<void>;
  /** The value of an expression of the page, a promise's too. */
  value<T>(expression: string): Promise<T>;
  /** Waits until an expression of the page is true. */
  until(expression: string): Promise<void>;
  files(selector: string, paths: readonly string[]): Promise<void>;
  screenshot(file: string): Promise<void>;
  close(): Promise<void>;
}

export async function openPage(flags: readonly string[] = []): Promise<Page> {
  const browser = spawn(
    program,
    [
      '--headless',
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--no-first-run',
      `--user-data-dir=${temporaryFolder()}`,
      '--remote-debugging-pipe',
      ...flags,
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
  );
  const { ask, on } = protocol(browser);
  const { targetInfos } = (await ask('Target.getTargets')) as {
    targetInfos: readonly { readonly type: string; readonly targetId: string }[];
  };
  const { targetId } = targetInfos.find(({ type }) => type === 'page')!;
  const { sessionId } = (await ask('Target.attachToTarget', { targetId, flatten: true })) as { sessionId: string };
  const send: Page['send'] = (method, params = {}) => ask(method, params, sessionId);

  const complaints: string[] = [];
  const requests: string[] = [];
  on((method, params) => {
    const said = JSON.stringify(params);
    if (method === 'Runtime.exceptionThrown' || method === 'Network.loadingFailed') complaints.push(said);
    if (method === 'Runtime.consoleAPICalled' && /^(error|assert)$/.test(String(params['type']))) complaints.push(said);
    if (method === 'Log.entryAdded' && /"level":"error"/.test(said)) complaints.push(said);
    if (method === 'Network.requestWillBeSent') requests.push((params['request'] as { readonly url: string }).url);
  });
  for (const domain of ['Page', 'Runtime', 'Log', 'Network', 'DOM']) await send(`${domain}.enable`);

  const value = async <T>(expression: string): Promise<T> => {
    const { result, exceptionDetails } = (await send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })) as { result: { readonly value: T }; exceptionDetails?: object };
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  };
  return {
    complaints,
    requests,
    send,
    next: (event) =>
      new Promise((done) => {
        on((method, params) => method === event && done(params));
      }),
    value,
    async open(address) {
      await send('Page.navigate', { url: address });
      await value(
        `new Promise((done) => document.readyState === 'complete' ? done() : addEventListener('load', done))`,
      );
    },
    async until(expression) {
      while (!(await value<boolean>(`Boolean(${expression})`))) await new Promise((done) => setTimeout(done, 50));
    },
    async files(selector, paths) {
      const { root } = (await send('DOM.getDocument')) as { root: { readonly nodeId: number } };
      const { nodeId } = await send('DOM.querySelector', { nodeId: root.nodeId, selector });
      await send('DOM.setFileInputFiles', { nodeId, files: paths });
    },
    async screenshot(file) {
      const { data } = (await send('Page.captureScreenshot', { format: 'png' })) as { data: string };
      writeFileSync(file, Buffer.from(data, 'base64'));
    },
    async close() {
      const ended = once(browser, 'exit');
      await ask('Browser.close');
      await ended;
    },
  };
}

/** Messages are JSON, each ended by a zero. */
function protocol(browser: ChildProcess) {
  const [, , , input, output] = browser.stdio as unknown as [null, null, null, Writable, Readable];
  const waiting = new Map<
    number,
    { done: (value: Readonly<Record<string, unknown>>) => void; fail: (e: Error) => void }
  >();
  const listeners: ((method: string, params: Readonly<Record<string, unknown>>) => void)[] = [];
  const ended = new Promise<never>((_, fail) => {
    browser.once('error', fail);
    browser.once('exit', (code) => fail(new Error(`Chromium ended with ${code}.`)));
  });
  ended.catch(() => {});
  let rest = '';
  let last = 0;
  output.setEncoding('utf8').on('data', (part: string) => {
    const texts = (rest + part).split('\0');
    rest = texts.pop()!;
    for (const text of texts) {
      const { id, method, params = {}, result = {}, error } = JSON.parse(text) as Message;
      if (method !== undefined) for (const listener of listeners) listener(method, params);
      const own = waiting.get(id ?? -1);
      waiting.delete(id ?? -1);
      if (error) own?.fail(new Error(error.message));
      else own?.done(result);
    }
  });
  return {
    on: (listener: (typeof listeners)[number]): void => void listeners.push(listener),
    ask(method: string, params: object = {}, sessionId?: string): Promise<Readonly<Record<string, unknown>>> {
      const id = ++last;
      input.write(`${JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) })}\0`);
      return Promise.race([
        ended,
        new Promise<Readonly<Record<string, unknown>>>((done, fail) => waiting.set(id, { done, fail })),
      ]);
    },
  };
}
