import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageDetections, Listener, TrainerEvent } from '@kd/core';
import { type DrawnPicture, restartEvent, type Summaries, summaryEvent, versionEvent } from './events.js';
import { record } from './record.js';

export interface TensorboardOptions {
  /** Where the event files go. Default: the run folder. */
  readonly folder?: string;
  /** Draws what was found on a validation image; without it there are scalars alone. */
  readonly draw?: (found: ImageDetections, classes: readonly string[]) => Promise<DrawnPicture>;
  /** Validation images that are drawn after each evaluation, the same ones each time. Default: 4. */
  readonly images?: number;
}

/**
 * Writes event files for TensorBoard: each log step's terms, total, statistics, learning rate and speed, each
 * evaluation's figures, and pictures of what it found. A resumed run has a file of its own, from the step at which it
 * goes on; what was told of later steps counts no more.
 */
export function tensorboard({ folder, draw, images = 4 }: TensorboardOptions = {}): Listener {
  let file = '';
  let classes: readonly string[] = [];
  const write = (...messages: readonly Uint8Array[]): Promise<void> =>
    appendFile(file, Buffer.concat(messages.map(record)));
  return {
    name: 'tensorboard',
    on: async (event) => {
      if (event.type === 'start') {
        classes = event.run.classes;
        file = join(folder ?? event.run.folder, fileName());
        await write(versionEvent(), ...(event.run.startStep > 0 ? [restartEvent(event.run.startStep + 1)] : []));
      }
      if (event.type === 'log') await write(summaryEvent(event.step, { scalars: logged(event) }));
      if (event.type === 'evaluation') {
        const drawn =
          draw === undefined ? {} : await pictures(event.detections, (found) => draw(found, classes), images);
        await write(summaryEvent(event.step, { scalars: evaluated(event), images: drawn }));
      }
    },
  };
}

/** TensorBoard reads files with `tfevents` in their names, in the order of the names. */
const fileName = (): string =>
  `events.out.tfevents.${String(Math.floor(Date.now() / 1000)).padStart(10, '0')}.kd.${process.pid}`;

type Of<Type extends TrainerEvent['type']> = Extract<TrainerEvent, { readonly type: Type }>;
type Scalars = NonNullable<Summaries['scalars']>;

const under = (group: string, values: Scalars): Scalars =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${group}/${name}`, value]));

const logged = ({ terms, total, stats, lr, imagesPerSecond, waited, lossScale }: Of<'log'>): Scalars => ({
  ...under('loss', { total, ...terms }),
  ...under('stats', stats),
  ...under('training', {
    learning_rate: lr,
    images_per_second: imagesPerSecond,
    waited,
    ...(lossScale !== undefined && { loss_scale: lossScale }),
  }),
});

/** -1 is where there is nothing to average: no point of a curve. */
const evaluated = ({ result: { metrics } }: Of<'evaluation'>): Scalars =>
  under('validation', Object.fromEntries(Object.entries(metrics).filter(([, value]) => value >= 0)));

/** At even distances from all of them. */
async function pictures(
  detections: readonly ImageDetections[],
  draw: (found: ImageDetections) => Promise<DrawnPicture>,
  images: number,
): Promise<Record<string, DrawnPicture>> {
  const count = Math.min(images, detections.length);
  const chosen = Array.from({ length: count }, (_, i) => detections[Math.floor((i * detections.length) / count)]!);
  const drawn: Record<string, DrawnPicture> = {};
  for (const found of chosen) drawn[`detections/${found.id}`] = await draw(found);
  return drawn;
}
