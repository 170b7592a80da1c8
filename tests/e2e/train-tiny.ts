import { ports } from '@kd/cli';
import { type Config, Trainer, type TrainerEvent, type TrainerOptions } from '@kd/core';
import { root } from './root.js';

const pictures = {
  format: 'synthetic',
  classes: ['striped-disk', 'speckled-ring'],
  size: 96,
  sizes: [20, 60],
  objects: [1, 3],
};

/** Pictures of 96 pixels to train with, and others to measure with, where a number of them is given. */
export const picturesFor = (name: string, train: number, val?: number) => ({
  train: { ...pictures, name, images: train, seed: 1 },
  ...(val !== undefined && { val: { ...pictures, name: `${name}-val`, images: val, seed: 2 } }),
  workers: 0,
});

export type TinyOptions = Pick<TrainerOptions, 'out' | 'resume' | 'signal' | 'logger' | 'profile'> & {
  readonly onEvent?: (event: TrainerEvent) => void;
};

/** Trains by a config whose optimiser and length are set here unless it says otherwise; all that was told meanwhile. */
export async function trainTiny(
  config: Readonly<Partial<Record<keyof Config, unknown>>>,
  { onEvent, ...options }: TinyOptions,
): Promise<TrainerEvent[]> {
  const events: TrainerEvent[] = [];
  const on = (event: TrainerEvent): void => {
    events.push(event);
    onEvent?.(event);
  };
  const whole = { epochs: 1, optimizer: { name: 'adamw', lr: 1e-3 }, log: { every: 1 }, ...config };
  const listeners = [{ name: 'test', on }];
  await new Trainer(whole as unknown as Config, { ...ports, folder: root, ...options, listeners }).fit();
  return events;
}

export const logsOf = (events: readonly TrainerEvent[]) =>
  events.flatMap((event) => (event.type === 'log' ? [event] : []));
