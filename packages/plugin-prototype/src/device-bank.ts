import { KdError, type TapPair } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Bank } from './bank-format.js';
import { type LevelPrototypes, levelPrototypes } from './level-prototypes.js';

/** The bank in use, on the device. The old one stays until the new one is complete. */
export class DeviceBank {
  readonly #id: string;
  #bank: Bank | undefined;
  #levels: readonly LevelPrototypes[] = [];

  constructor(id: string) {
    this.#id = id;
  }

  get bank(): Bank | undefined {
    return this.#bank;
  }

  /** The prototypes a level, finest first. @throws KdError PLUGIN_HOOK before there is a bank */
  get levels(): readonly LevelPrototypes[] {
    if (this.#bank === undefined)
      throw new KdError(
        'PLUGIN_HOOK',
        `${this.#id}: a step came before the first bank of prototypes was made. Run its datasetPass first.`,
      );
    return this.#levels;
  }

  /** @throws KdError CHECKPOINT_INVALID when the bank is of other levels or classes */
  take(bank: Bank, pairs: readonly TapPair[], classes: readonly string[]): void {
    check(this.#id, bank, pairs, classes);
    const levels = bank.levels.map((level, l) => levelPrototypes(level, bank.info.levels[l]!));
    this.dispose();
    [this.#bank, this.#levels] = [bank, levels];
  }

  dispose(): void {
    for (const { teacher, student, labels } of this.#levels) tf.dispose([teacher, student, labels]);
    [this.#bank, this.#levels] = [undefined, []];
  }
}

function check(id: string, { info }: Bank, pairs: readonly TapPair[], classes: readonly string[]): void {
  const words = (stride: number, student: number, teacher: number): string =>
    `stride ${stride} with ${student} and ${teacher} channels`;
  const own = info.levels
    .map(({ stride, studentChannels, teacherChannels }) => words(stride, studentChannels, teacherChannels))
    .join(', ');
  const tapped = pairs
    .map(({ stride, student, teacher }) => words(stride, student.channels, teacher.channels))
    .join(', ');
  const way =
    "Delete the plugin's folder under passes/ in the run folder to have a new bank made, or resume with the detectors and data of the run.";
  if (own !== tapped)
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${id}: the bank of prototypes has levels of ${own} (student and teacher); the necks have ${tapped}. ${way}`,
    );
  if (info.classes.join('\n') !== classes.join('\n'))
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${id}: the bank of prototypes is of the classes ${info.classes.join(', ')}; the detectors know ${classes.join(', ')}. ${way}`,
    );
}
