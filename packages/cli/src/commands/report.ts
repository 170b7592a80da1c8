import { resolve } from 'node:path';
import { KdError } from '@kd/core';
import { readRun } from '@kd/report/page';
import type { Flags } from '../flags.js';
import { print, printJson } from '../out.js';
import { runFolders } from '../report/run-folders.js';
import { writePage } from '../report/write-page.js';
import { shownPath } from '../shown-path.js';

/** `kd report RUN|STUDY… --out page.html`: what runs did, as one page. */
export async function report(paths: readonly string[], flags: Flags): Promise<number> {
  const out = resolve(String(flags['out'] ?? 'report.html'));
  // A slip of the order must not write over a file of a run.
  if (!/\.html?$/i.test(out)) throw new KdError('USAGE', `--out ${shownPath(out)}: the page is HTML; name it .html.`);
  const folders = await runFolders(paths);
  const runs = await Promise.all(folders.map(({ path, name }) => readRun(path, name)));
  const { bytes, leftOut } = await writePage(out, runs, { images: flags['images'] !== false, models: true });
  if (flags['json'] === true) printJson({ ok: true, page: out, bytes, runs: folders, leftOut }, 0);
  else {
    for (const what of leftOut) print(`left out: ${what}`);
    print(`${runs.length} ${runs.length === 1 ? 'run' : 'runs'}, ${(bytes / 1e6).toFixed(2)} MB: ${shownPath(out)}`);
  }
  return 0;
}
