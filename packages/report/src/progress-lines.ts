import type { LogEvent, RunInfo } from '@kd/core';
import { count, duration, engineText, number, percent } from './figures.js';

/** What stands above the progress: what runs on what. */
export function startLines({
  folder,
  engine,
  seed,
  epochs,
  stepsPerEpoch,
  steps,
  startStep,
  batchSize,
  images,
  student,
  teacher,
  teachers = {},
  inherited = [],
  distillers,
  warnings,
}: RunInfo): string[] {
  const model = (of: RunInfo['student']): string =>
    `${of.detector}, ${count(of.parameters)} parameters (${count(of.trainable)} trained)${of.weights === null ? '' : `, from ${of.weights}`}`;
  return [
    `run        ${folder}${startStep > 0 ? `, going on after step ${startStep}` : ''}`,
    `engine     ${engineText(engine)}`,
    `student    ${model(student)}`,
    ...(teacher === null ? [] : [`teacher    ${model({ ...teacher, trainable: 0 })}`]),
    ...Object.entries(teachers).map(([name, one]) => `teacher    ${name}: ${model({ ...one, trainable: 0 })}`),
    ...(inherited.length === 0
      ? []
      : [`inherits   ${inherited.map(({ part, tensors, of }) => `${part} (${tensors} of ${of} tensors)`).join(', ')}`]),
    ...(distillers.length === 0 ? [] : [`distillers ${distillers.join(', ')}`]),
    `data       ${images.train} images to train, ${images.val} to evaluate`,
    `plan       ${epochs} epochs of ${stepsPerEpoch} steps = ${steps} steps, batch ${batchSize}, seed ${seed}`,
    ...warnings.map((warning) => `warning: ${warning}`),
  ];
}

const terms = (log: LogEvent): string =>
  Object.entries(log.terms)
    .map(([name, value]) => `${name} ${number(value)}`)
    .join(', ');

/** Everything of a log event that a person reads, without the step. */
export function figuresOf(log: LogEvent): string[] {
  return [
    `loss ${number(log.total)} (${terms(log)})`,
    `lr ${number(log.lr)}`,
    `${number(log.imagesPerSecond)} images/s`,
    `waited ${percent(log.waited)}`,
    `${log.memory} MiB`,
    ...(log.lossScale === undefined ? [] : [`loss scale ${log.lossScale}`]),
    ...(log.compiled === undefined ? [] : [`compiled in ${log.compiled.toFixed(1)} s`]),
  ];
}

/** One plain line a log event, for logs and pipes. */
export function plainLine(log: LogEvent, { epochs, steps }: Pick<RunInfo, 'epochs' | 'steps'>): string {
  return [
    `epoch ${log.epoch + 1}/${epochs}`,
    `step ${log.step}/${steps}`,
    ...figuresOf(log),
    `${duration(log.secondsLeft)} left`,
  ].join('  ');
}

/** `████████░░░░` of `width` cells. */
export function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}
