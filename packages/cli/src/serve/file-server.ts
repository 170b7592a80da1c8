import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { extname, join, sep } from 'node:path';
import { pipeline } from 'node:stream';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
};

/** Isolated from other pages, which lets WASM use several threads; nothing is kept or guessed. */
const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-cache',
};

/** Plain files of one folder: neither listings nor what lies outside, by `..` or by a link, nor hidden files. */
export function fileServer(folder: string): Server {
  return createServer((request, response) => {
    answer(folder, request, response).catch(() => end(response, 500, 'The file cannot be read.'));
  });
}

async function answer(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return end(response, 405, 'Files can only be read here.');
  }
  const file = await fileOf(folder, request.url ?? '/');
  if (file === null) return end(response, 404, 'There is no such file.');
  response.writeHead(200, {
    ...HEADERS,
    'Content-Type': TYPES[extname(file.path).toLowerCase()] ?? 'application/octet-stream',
    'Content-Length': file.size,
  });
  if (request.method === 'HEAD') response.end();
  // A reader that went away is no fault of ours.
  else pipeline(createReadStream(file.path), response, () => {});
}

function end(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, { ...HEADERS, 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

async function fileOf(folder: string, url: string): Promise<{ readonly path: string; readonly size: number } | null> {
  let name: string;
  try {
    name = decodeURIComponent(url.split(/[?#]/, 1)[0]!);
  } catch {
    return null;
  }
  if (name.endsWith('/')) name += 'index.html';
  if (/(^|[/\\])\.|[\0\\]/.test(name)) return null;
  try {
    const [root, path] = await Promise.all([realpath(folder), realpath(join(folder, name))]);
    const found = await stat(path);
    return found.isFile() && path.startsWith(root.endsWith(sep) ? root : root + sep)
      ? { path, size: found.size }
      : null;
  } catch {
    return null;
  }
}
