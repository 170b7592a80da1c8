import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fileServer } from './file-server.js';

const outer = mkdtempSync(join(tmpdir(), 'kd-serve-'));
const folder = join(outer, 'page');
mkdirSync(join(folder, 'ort'), { recursive: true });
writeFileSync(join(outer, 'secret.txt'), 'secret');
writeFileSync(join(folder, '.env'), 'secret');
writeFileSync(join(folder, 'index.html'), '<title>page</title>');
writeFileSync(join(folder, 'ort/a b.wasm'), 'wasm');
symlinkSync(join(outer, 'secret.txt'), join(folder, 'link.txt'));
const server = fileServer(folder);
let port = 0;
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.close();
  rmSync(outer, { recursive: true });
});

/** As it is written: fetch would resolve `..` itself. */
async function get(path: string, method = 'GET'): Promise<{ code: number; head: string; body: string }> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  let text = '';
  for await (const part of socket) text += String(part);
  const [head = '', body = ''] = text.split('\r\n\r\n');
  return { code: Number(/^HTTP\/1.1 (\d+)/.exec(head)![1]), head, body };
}

it.each([
  ['/', 'text/html; charset=utf-8', '<title>page</title>'],
  ['/index.html?a=/../b', 'text/html; charset=utf-8', '<title>page</title>'],
  ['/ort/a%20b.wasm', 'application/wasm', 'wasm'],
])('serves %s', async (path, type, content) => {
  const { code, head, body } = await get(path);
  expect([code, body]).toEqual([200, content]);
  expect(head).toContain(`Content-Type: ${type}`);
  expect(head).toContain('Cross-Origin-Opener-Policy: same-origin');
  expect(head).toContain('Cross-Origin-Embedder-Policy: require-corp');
});

it.each([
  '/../secret.txt',
  '/%2e%2e/secret.txt',
  '/..%5csecret.txt',
  '/ort',
  '/ort/',
  '/link.txt',
  '/.env',
  '/%00',
  '/%',
])('has nothing at %s', async (path) => {
  const { code, body } = await get(path);
  expect([code, body]).toEqual([404, expect.stringContaining('There is no such file.')]);
});

it('only reads', async () => {
  expect(await get('/', 'HEAD')).toMatchObject({ code: 200, body: '' });
  expect((await get('/', 'POST')).code).toBe(405);
});
