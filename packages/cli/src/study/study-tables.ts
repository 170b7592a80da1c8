import type { Dataset, Metric } from '@kd/core';
import { DETECTIONS } from '@kd/report';
import type { LoadedStudy } from './loaded-study.js';
import type { Outcome } from './queue.js';
import { runFigures } from './run-figures.js';
import type { StudyRun } from './study-runs.js';
import { type StudyTable, studyTable } from './table.js';
import { detectOnTest, testDetections } from './test-detections.js';

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

/** The tables of a study: of its validation data, and of the test data where it has some. */
export async function studyTables(
  loaded: LoadedStudy,
  runs: readonly StudyRun[],
  outcomes: ReadonlyMap<string, Outcome>,
  { val, test, folder, metric, done }: TablesOf,
): Promise<StudyTable[]> {
  const tableOf = async (dataset: Dataset, file: string, what: string): Promise<StudyTable> => {
    const figures = await runFigures(runs, outcomes, { folder, dataset, file, metric });
    const classes = dataset.categories.map(({ name }) => name);
    return studyTable(loaded, figures, { data: `${what} data (${dataset.name})`, classes, metric });
  };
  const tables = [await tableOf(val, DETECTIONS, 'validation')];
  if (test !== null) {
    await detectOnTest(done, { folder, dataset: test });
    tables.push(await tableOf(test, testDetections(test), 'test'));
  }
  return tables;
}
