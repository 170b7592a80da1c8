import { isAbsolute, join, posix, relative } from 'node:path';

/** Names of the folders of a VOC data set that other tools name in their own way. */
export interface VocFolderNames {
  /** Folder of the pictures in the root; default `JPEGImages`. */
  readonly images?: string;
  /** Folder of the XML files in the root; default `Annotations`. */
  readonly annotations?: string;
}

/** Where the parts of a VOC data set lie. */
export interface VocFolder {
  readonly root: string;
  readonly images: string;
  readonly annotations: string;
  /** What is left of a path without the folder of the pictures or of the annotations at its start. */
  inside(path: string): string;
}

export function vocFolder(root: string, names: VocFolderNames): VocFolder {
  const own = [names.images ?? 'JPEGImages', names.annotations ?? 'Annotations'] as const;
  const starts = own.map((name) => posix.normalize(name.replaceAll('\\', '/')));
  return {
    root,
    images: join(root, own[0]),
    annotations: join(root, own[1]),
    inside: (path) => {
      const short = isAbsolute(path) ? relative(root, path) : posix.normalize(path);
      if (short.startsWith('..')) return short;
      for (const start of starts) {
        const from = short.startsWith(`${start}/`) ? 0 : short.indexOf(`/${start}/`) + 1;
        if (from > 0 || short.startsWith(`${start}/`)) return short.slice(from + start.length + 1);
      }
      return short;
    },
  };
}
