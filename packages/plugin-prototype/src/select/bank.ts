import { KdError } from '@kd/core';
import { explain } from './explain.js';
import { rowsOf } from './in-memory.js';
import { selectPursuit } from './pursuit.js';
import type {
  BankOptions,
  ClassPrototypes,
  ClassReport,
  LabelledFeatures,
  LevelBank,
  PairedFeatures,
  Selection,
  SelectOptions,
  Selector,
} from './types.js';

/** The prototypes of one class on one level. */
export async function buildClass(
  features: PairedFeatures,
  options?: SelectOptions & { readonly selector?: Selector },
): Promise<ClassPrototypes> {
  const selection = await (options?.selector ?? selectPursuit)(features, options);
  return {
    selection,
    teacher: takeRows(features.teacher, selection.rows, features.teacherChannels),
    student: takeRows(features.student, selection.rows, features.studentChannels),
    explanation: explain(features, selection.rows, options),
  };
}

/**
 * The prototypes of all classes on one level, class after class. A class without instances, or without usable ones,
 * keeps what it has
 * in `previous`, else its range is empty.
 * @throws KdError USAGE for labels outside of 0 to classes - 1, for matrices that do not fit, and for a previous bank
 *   of another width
 */
export async function buildLevel(features: LabelledFeatures, options: BankOptions): Promise<LevelBank> {
  const { teacherChannels, studentChannels } = features;
  const members = membersOf(features, options.classes);
  const previous = checkedPrevious(features, options);
  const bank = new BankParts(features);
  for (const [label, rows] of members.entries()) {
    const own = {
      teacher: takeRows(features.teacher, rows, teacherChannels),
      student: takeRows(features.student, rows, studentChannels),
      teacherChannels,
      studentChannels,
    };
    const made = await buildClass(own, options);
    const [from, to] = previous === undefined ? [0, 0] : [previous.offsets[label]!, previous.offsets[label + 1]!];
    if (made.selection.rows.length === 0 && to > from) bank.keep(previous!, from, to, rows.length, made.selection);
    else bank.add(made, rows);
  }
  return bank.joined();
}

class BankParts {
  readonly #features: LabelledFeatures;
  readonly #teacher: Float32Array[] = [];
  readonly #student: Float32Array[] = [];
  readonly #offsets = [0];
  readonly #rows: number[] = [];
  readonly #kept: number[] = [];
  readonly #gains: number[] = [];
  readonly #objective: number[] = [];
  readonly #explained: number[] = [];
  readonly #classes: ClassReport[] = [];
  readonly #nearest: Int32Array;
  readonly #cosine: Float32Array;

  constructor(features: LabelledFeatures) {
    this.#features = features;
    this.#nearest = new Int32Array(rowsOf(features)).fill(-1);
    this.#cosine = new Float32Array(this.#nearest.length);
  }

  add({ selection, teacher, student, explanation }: ClassPrototypes, members: Int32Array): void {
    const first = this.#rows.length;
    for (const [i, row] of members.entries()) {
      if (explanation.nearest[i]! >= 0) this.#nearest[row] = first + explanation.nearest[i]!;
      this.#cosine[row] = explanation.cosine[i]!;
    }
    this.#teacher.push(teacher);
    this.#student.push(student);
    for (const [j, row] of selection.rows.entries()) {
      this.#rows.push(members[row]!);
      this.#kept.push(-1);
      this.#gains.push(selection.gains[j]!);
      this.#objective.push(selection.objective[j]!);
      this.#explained.push(explanation.explained[j]!);
    }
    this.#close(members.length, selection, selection.rows.length > 0 ? 'chosen' : 'empty');
  }

  keep(
    previous: NonNullable<BankOptions['previous']>,
    from: number,
    to: number,
    instances: number,
    selection: Selection,
  ): void {
    this.#teacher.push(previous.teacher.slice(from * previous.teacherChannels, to * previous.teacherChannels));
    this.#student.push(previous.student.slice(from * previous.studentChannels, to * previous.studentChannels));
    for (let row = from; row < to; row++) {
      this.#rows.push(-1);
      this.#kept.push(row);
      this.#gains.push(0);
      this.#objective.push(0);
      this.#explained.push(0);
    }
    this.#close(instances, selection, 'kept');
  }

  joined(): LevelBank {
    const { teacherChannels, studentChannels } = this.#features;
    return {
      teacherChannels,
      studentChannels,
      teacher: concatenated(this.#teacher),
      student: concatenated(this.#student),
      offsets: Int32Array.from(this.#offsets),
      rows: Int32Array.from(this.#rows),
      kept: Int32Array.from(this.#kept),
      gains: Float64Array.from(this.#gains),
      objective: Float64Array.from(this.#objective),
      explained: Int32Array.from(this.#explained),
      nearest: this.#nearest,
      cosine: this.#cosine,
      classes: this.#classes,
    };
  }

  #close(
    instances: number,
    { dropped, candidates, filterIgnored, initialEnergy, stopped }: Selection,
    source: ClassReport['source'],
  ): void {
    this.#offsets.push(this.#rows.length);
    this.#classes.push({
      instances,
      dropped: dropped.length,
      candidates: candidates.length,
      filterIgnored,
      initialEnergy,
      stopped,
      source,
    });
  }
}

/** The rows of each class, ascending. */
function membersOf(features: LabelledFeatures, classes: number): Int32Array[] {
  const n = rowsOf(features);
  const { labels } = features;
  if (labels.length !== n)
    throw new KdError(
      'USAGE',
      `There are ${n} instances and ${labels.length} labels. Give one label for each row of the features.`,
    );
  const members: number[][] = Array.from({ length: classes }, () => []);
  for (let i = 0; i < n; i++) {
    const own = members[labels[i]!];
    if (own === undefined)
      throw new KdError('USAGE', `Instance ${i} has the label ${labels[i]}; labels go from 0 to ${classes - 1}.`);
    own.push(i);
  }
  return members.map((rows) => Int32Array.from(rows));
}

function checkedPrevious(
  { teacherChannels, studentChannels }: PairedFeatures,
  { previous, classes }: BankOptions,
): BankOptions['previous'] {
  if (previous === undefined) return undefined;
  if (
    previous.teacherChannels !== teacherChannels ||
    previous.studentChannels !== studentChannels ||
    previous.offsets.length !== classes + 1
  ) {
    throw new KdError(
      'USAGE',
      `The previous bank has ${previous.teacherChannels} and ${previous.studentChannels} channels and ${previous.offsets.length - 1} classes; the features have ${teacherChannels} and ${studentChannels}, and there are ${classes} classes. Build the bank anew.`,
    );
  }
  return previous;
}

function takeRows(values: Float32Array, rows: Int32Array, channels: number): Float32Array {
  const out = new Float32Array(rows.length * channels);
  for (const [i, row] of rows.entries()) out.set(values.subarray(row * channels, (row + 1) * channels), i * channels);
  return out;
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
