import type { Dataset, Metric } from '@kd/core';
import { DETECTIONS } from '@kd/report';
import type { RunRecord } from '@kd/report/page';
import type { LoadedStudy } from './loaded-study.js';
import type { Outcome } from './queue.js';
import { runFigures } from './run-figures.js';
import type { StudyRun } from './study-runs.js';
import { type StudyTable, studyTable } from './table.js';
import { detectOnTest, testDetections } from './test-detections.js';
import { variantCurves } from './variant-curves.js';

export interface StudyData {
  readonly train: Dataset;
  readonly val: Dataset;
  readonly test: Dataset | null;
}

export interface TablesOf extends StudyData {
  readonly folder: string;
  readonly metric: Metric;
  /** Runs that have ended. */
  readonly done: readonly StudyRun[];
}

export interface StudyTables {
  readonly tables: readonly StudyTable[];
  /** For curves, one of each variant. */
  readonly records: readonly RunRecord[];
}

/** The tables of a study: of its validation data, and of the test data where it has some. */
export async function studyTables(
  loaded: LoadedStudy,
  runs: readonly StudyRun[],
  outcomes: ReadonlyMap<string, Outcome>,
  { val, test, folder, metric, done }: TablesOf,
): Promise<StudyTables> {
  const tableOf = (figures: Awaited<ReturnType<typeof runFigures>>, dataset: Dataset, what: string): StudyTable => {
    const classes = dataset.categories.map(({ name }) => name);
    return studyTable(loaded, figures, { data: `${what} data (${dataset.name})`, classes, metric });
  };
  const own = await runFigures(runs, outcomes, { folder, dataset: val, file: DETECTIONS, metric });
  const tables = [tableOf(own, val, 'validation')];
  if (test !== null) {
    const undetected = await detectOnTest(done, { folder, dataset: test });
    const of = { folder, dataset: test, file: testDetections(test), undetected, metric };
    tables.push(tableOf(await runFigures(runs, outcomes, of), test, 'test'));
  }
  return { tables, records: variantCurves(own.figures) };
}
