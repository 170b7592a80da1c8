import { resolve } from 'node:path';
import { type BuiltDetector, type Category, type Detector, messageOf } from '@kd/core';
import type { OrWhy, RunRecord } from '@kd/report/page';
import { findModel, openModel } from '../open-model.js';
import { dataFolder, readOrigin } from '../origin.js';

/** The teacher of a run, opened again. */
export async function openTeacher(run: RunRecord, categories: readonly Category[]): Promise<OrWhy<Detector>> {
  const entry = run.config['teacher'] as { weights?: unknown; detector?: unknown } | null | undefined;
  if (entry === null || entry === undefined)
    return {
      why:
        run.config['teachers'] === undefined
          ? `${run.name} had no teacher.`
          : `${run.name} had several teachers, which are not shown.`,
    };
  if (typeof entry.weights !== 'string')
    return { why: `The teacher of ${run.name} is no detector that a file of weights holds: it gives features alone.` };
  try {
    const path = resolve(dataFolder(await readOrigin(run.folder)), entry.weights);
    const found = await findModel(path);
    // A file of weights alone does not say where plugins are; the run, whose teacher it was, does.
    const { pluginFolder } = found.config === null ? await findModel(run.folder) : found;
    const { built } = await openModel(
      { ...found, pluginFolder },
      {
        categories,
        ...(found.spec === null && entry.detector !== undefined ? { detector: JSON.stringify(entry.detector) } : {}),
      },
    );
    return { value: built.detector };
  } catch (error) {
    return { why: `The teacher of ${run.name} cannot be opened: ${messageOf(error)}` };
  }
}

/** The student of a run, with the weights that `kd eval` takes. */
export async function openStudent({ folder, name }: RunRecord): Promise<OrWhy<Detector>> {
  try {
    const { built }: { built: BuiltDetector } = await openModel(await findModel(folder), {});
    return { value: built.detector };
  } catch (error) {
    return { why: `${name} cannot be opened: ${messageOf(error)}` };
  }
}
