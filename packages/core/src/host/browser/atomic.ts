import { checkText } from '../../members.js';
import { putFile } from './memory-files.js';

/** Puts a file into the memory of the page, under a path. */
export async function writeFileAtomic(file: string, content: string | Uint8Array): Promise<void> {
  checkText(file, 'the name of a file to write');
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const own = new Uint8Array(bytes.length);
  own.set(bytes);
  putFile(file, own);
}

/** None: a write is at once. */
export const removeLeftovers = async (_folder: string): Promise<string[]> => [];
