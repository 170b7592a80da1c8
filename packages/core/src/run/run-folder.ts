import { appendText, makeFolder, remove } from '#host/files';
import { join } from '#host/paths';
import { writeFileAtomic } from '#host/atomic';
import { KdError, messageOf } from '../errors.js';
import { checkRegularFile, readRegularText } from '#host/regular-file';

/** The folder of a run: config.json, plan.json, metrics.jsonl, checkpoints/, passes/, summary.json. */
export interface RunFolder {
  readonly path: string;
  /** Appends one line of JSON to metrics.jsonl. */
  appendMetrics(line: Readonly<Record<string, unknown>>): Promise<void>;
  writeJson(name: string, value: unknown): Promise<void>;
  readJson(name: string): Promise<unknown>;
  /** A path inside of the folder. */
  file(...parts: string[]): string;
  remove(...parts: string[]): Promise<void>;
}

async function checkRegularOrAbsent(file: string): Promise<void> {
  await checkRegularFile(file).catch((cause: unknown) => {
    if ((cause as { readonly code?: unknown }).code !== 'ENOENT')
      throw new Error(`${file}: ${messageOf(cause)}`, { cause });
  });
}

/** @throws KdError RUN_FOLDER when it cannot be made */
export async function openRunFolder(path: string): Promise<RunFolder> {
  try {
    await makeFolder(path);
    // What is read or appended to in place; a FIFO would wait for ever.
    for (const name of ['run.lock', 'metrics.jsonl']) await checkRegularOrAbsent(join(path, name));
  } catch (cause) {
    throw new KdError(
      'RUN_FOLDER',
      `the run folder ${path} cannot be made: ${messageOf(cause)}. Name another with --out.`,
      { cause },
    );
  }
  const file = (...parts: string[]): string => join(path, ...parts);
  return {
    path,
    file,
    appendMetrics: async (line) => {
      try {
        await appendText(file('metrics.jsonl'), `${JSON.stringify(line)}\n`);
      } catch (cause) {
        throw new KdError('FILE_WRITE', `${file('metrics.jsonl')} could not be written: ${messageOf(cause)}`, {
          cause,
        });
      }
    },
    writeJson: (name, value) => writeFileAtomic(file(name), `${JSON.stringify(value, null, 2)}\n`),
    readJson: async (name) => {
      try {
        return JSON.parse(await readRegularText(file(name))) as unknown;
      } catch (cause) {
        throw new KdError(
          'RUN_FOLDER',
          `${file(name)} cannot be read: ${messageOf(cause)}. Is ${path} the folder of a run?`,
          { cause },
        );
      }
    },
    remove: (...parts) => remove(file(...parts)),
  };
}
