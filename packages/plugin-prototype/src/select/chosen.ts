import { follow } from './follow.js';
import type { SelectSettings } from './settings.js';
import type { PairedFeatures, Selection } from './types.js';

/** The selection of rows that something else than the pursuit chose: its energies, told as the pursuit would. */
export function chosenRows(
  features: PairedFeatures,
  rows: readonly number[],
  usable: Int32Array,
  settings: SelectSettings,
): Selection {
  const k = rows.length;
  const n = features.teacher.length / features.teacherChannels;
  const { removed, teacher, student, residualTeacher, residualStudent, energy, dropped } = follow(
    features,
    rows,
    settings,
  );
  const gains = new Float64Array(k);
  const similarity = new Float64Array(k);
  for (let j = 0; j < k; j++) {
    for (let i = 0; i < n; i++) {
      gains[j]! += removed[j * n + i]!;
      similarity[j]! += settings.similarity * (teacher[j * n + i]! - student[j * n + i]!) ** 2;
    }
  }
  const initialEnergy = energy.reduce((total, value) => total + value, 0);
  const residual = residualTeacher.map((value, j) => value + residualStudent[j]!);
  let similar = 0;
  return {
    rows: Int32Array.from(rows),
    gains,
    objective: gains.map((gain, j) => (j === 0 ? initialEnergy : residual[j - 1]!) - gain),
    totalObjective: residual.map((value, j) => value + (similar += similarity[j]!)),
    residualTeacher,
    residualStudent,
    similarity,
    initialEnergy,
    candidates: usable,
    filterIgnored: false,
    stopped: k === settings.count ? 'count' : 'exhausted',
    dropped: Int32Array.from(dropped),
  };
}
