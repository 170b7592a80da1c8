import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';

/** Content of a file; null is a grey picture of 200x100, and what is no text and no bytes is written as JSON. */
export type Content = string | Buffer | object | null;

export interface Folders {
  readonly root: string;
  /** A new folder with these files. */
  make(files: Readonly<Record<string, Content>>): Promise<string>;
  remove(): Promise<void>;
}

const grey = () => sharp({ create: { width: 200, height: 100, channels: 3, background: '#808080' } });
export const pngOf200x100 = (): Promise<Buffer> => grey().png().toBuffer();
/** Stored as 200x100, and turned by EXIF to 100x200. */
export const turnedJpeg = (): Promise<Buffer> => grey().jpeg().withMetadata({ orientation: 6 }).toBuffer();

/** Folders for tests, all below one that is removed at the end. */
export async function temporaryFolders(): Promise<Folders> {
  const root = await mkdtemp(join(tmpdir(), 'kd-labels-'));
  const png = await pngOf200x100();
  let count = 0;
  return {
    root,
    make: async (files) => {
      const folder = join(root, `set${count++}`);
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(folder, name)), { recursive: true });
        const isRaw = typeof content === 'string' || Buffer.isBuffer(content);
        await writeFile(join(folder, name), content === null ? png : isRaw ? content : JSON.stringify(content));
      }
      return folder;
    },
    remove: () => rm(root, { recursive: true }),
  };
}
