import { dropFiles, fileAt, filesBelow, putFile } from './memory-files.js';
import { resolve } from './paths.js';

export const exists = (path: string): boolean => fileAt(path) !== undefined || filesBelow(path).length > 0;

export async function appendText(file: string, text: string): Promise<void> {
  const [before, more] = [fileAt(file) ?? new Uint8Array(), new TextEncoder().encode(text)];
  const content = new Uint8Array(before.length + more.length);
  content.set(before);
  content.set(more, before.length);
  putFile(file, content);
}

export const makeFolder = async (_path: string): Promise<void> => {};

export async function namesIn(folder: string): Promise<string[]> {
  const from = resolve(folder).replace(/\/$/, '').length + 1;
  return [...new Set(filesBelow(folder).map((path) => path.slice(from).split('/', 1)[0]!))];
}

export const remove = async (path: string): Promise<void> => dropFiles(path);

export const removeEmptyFolder = async (_path: string): Promise<void> => {};

let made = 0;

export const temporaryFolder = async (name: string): Promise<string> => `/tmp/${name}${made++}`;
