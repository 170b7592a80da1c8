import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

/** A libtensorflow with its C headers, somewhere on this machine. */
export interface Library {
  /** The folder of the shared libraries. */
  readonly folder: string;
  /** The shared libraries that the binding links against. */
  readonly files: readonly string[];
  readonly include: string;
  /** From the headers, such as `2.19.1`; `unknown` where they do not say. */
  readonly version: string;
}

// A Python wheel since 2.12, and the C archive that TensorFlow publishes.
const FILE_SETS = [
  ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'],
  ['libtensorflow.so.2', 'libtensorflow_framework.so.2'],
  // The same on macOS.
  ['libtensorflow_cc.2.dylib', 'libtensorflow_framework.2.dylib'],
  ['libtensorflow.2.dylib', 'libtensorflow_framework.2.dylib'],
] as const;

/**
 * The library in `folder`, or why there is none. Accepted are a wheel's package folder, the folder above it, and an
 * unpacked C archive (`lib/`, `include/`).
 */
export function libraryAt(folder: string): Library | string {
  if (!existsSync(folder)) return `${folder} does not exist`;
  const root = realpathSync(folder);
  const layouts = [
    { at: root, include: join(root, 'include') },
    { at: join(root, 'lib'), include: join(root, 'include') },
    { at: join(root, 'tensorflow'), include: join(root, 'tensorflow', 'include') },
  ];
  for (const { at, include } of layouts) {
    for (const files of FILE_SETS) {
      if (!files.every((file) => existsSync(join(at, file)))) continue;
      if (!existsSync(join(include, 'tensorflow', 'c', 'eager', 'c_api.h')))
        return `${at} has libtensorflow, but no C headers under ${include}`;
      return { folder: at, files, include, version: versionOf(include) };
    }
  }
  return `${folder} holds no libtensorflow_cc.so.2 (Python wheels have it from TensorFlow 2.12 on)`;
}

function versionOf(include: string): string {
  // The numbers moved from version.h to release_version.h in later versions.
  for (const name of ['version.h', 'release_version.h']) {
    const file = join(include, 'tensorflow', 'core', 'public', name);
    if (!existsSync(file)) continue;
    const text = readFileSync(file, 'utf8');
    const parts = ['MAJOR', 'MINOR', 'PATCH'].map(
      (part) => new RegExp(`#define TF_${part}_VERSION (\\d+)`).exec(text)?.[1],
    );
    if (parts.every((part) => part !== undefined)) return parts.join('.');
  }
  return 'unknown';
}
