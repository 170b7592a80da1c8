import { join } from 'node:path';
import { consoleLogger, messageOf, writeFileAtomic } from '@kd/core';
import { readRun, reportPage, type RunRecord } from '@kd/report/page';
import { shownPath } from '../shown-path.js';
import { leftOutOf } from './left-out.js';
import { reportParts } from './report-parts.js';

/** Writes the page about runs. @returns its size in bytes, and what it leaves out, which stands on it too */
export async function writePage(
  file: string,
  runs: readonly RunRecord[],
  options: { readonly images: boolean; readonly models: boolean },
): Promise<{ readonly bytes: number; readonly leftOut: readonly string[] }> {
  const title = runs.length === 1 ? runs[0]!.name : `${runs.length} runs`;
  const parts = await reportParts(runs, options);
  const page = reportPage({ title, ...parts });
  await writeFileAtomic(file, page);
  return { bytes: Buffer.byteLength(page), leftOut: leftOutOf(runs, parts) };
}

/**
 * `report.html` beside `summary.json`, from what the training left: no model is opened. A page that cannot be made is
 * told, and does not make the training one that failed.
 * @returns the page, or null
 */
export async function pageBeside(run: string): Promise<string | null> {
  const file = join(run, 'report.html');
  try {
    await writePage(file, [await readRun(run)], { images: true, models: false });
    return file;
  } catch (error) {
    consoleLogger.warn(`there is no ${shownPath(file)}: ${messageOf(error)}`);
    return null;
  }
}
