import type { Listener, LogEvent, RunInfo, Summary, TrainerEvent } from '@kd/core';
import { printable } from '@kd/core/plain';
import { createLogUpdate } from 'log-update';
import { evaluatedImages, metricsLine } from './evaluation-lines.js';
import { duration } from './figures.js';
import { bar, figuresOf, plainLine, startLines } from './progress-lines.js';

export interface TerminalOptions {
  /** Default: standard error, so that standard output stays free for results. */
  readonly stream?: NodeJS.WriteStream;
  /**
   * A progress line that updates itself, or plain lines. Default: whether the stream is a terminal (one without rows
   * shows nothing).
   */
  readonly live?: boolean;
}

/** Progress for a person: a bar that updates itself on a terminal, else a plain line every log event. */
export function terminal({
  stream = process.stderr,
  live = stream.isTTY === true && stream.rows > 0,
}: TerminalOptions = {}): Listener {
  const screen = live ? liveScreen(stream) : plainScreen(stream);
  let run: RunInfo | null = null;
  return {
    name: 'terminal',
    on: (event) => {
      if (event.type === 'start') {
        run = event.run;
        screen.lines(startLines(run));
        return;
      }
      if (run === null) return;
      screen.show(event, run);
      screen.lines(linesOf(event, run));
    },
  };
}

/** What is worth a line that stays, on any kind of stream. */
function linesOf(event: TrainerEvent, run: RunInfo): string[] {
  if (event.type === 'evaluation')
    return [
      `epoch ${event.epoch + 1}/${run.epochs}  evaluated in ${duration(event.seconds)}  ${metricsLine(event.result.metrics)}${event.result.skipped.length === 0 ? '' : `  (${evaluatedImages(event.result)})`}${event.best ? '  (best so far)' : ''}`,
    ];
  if (event.type === 'pass' && event.done === event.of) return [`${event.plugin}: passed over ${event.of} images`];
  if (event.type === 'stopped') return [`stopped after step ${event.step}; checkpoint: ${event.file}`];
  if (event.type === 'end') return endLines(event.summary, run);
  return [];
}

function endLines({ minutes, minutesEvaluating, skipped, early, steps }: Summary, run: RunInfo): string[] {
  const times = skipped.reduce((sum, one) => sum + one.times, 0);
  return [
    ...(early === undefined ? [] : [`ended after step ${steps} of ${run.steps}: ${early.why}`]),
    `done in ${duration(60 * minutes)} (${duration(60 * minutesEvaluating)} of it evaluating)`,
    ...(skipped.length === 0
      ? []
      : [
          `skipped ${skipped.length} bad ${skipped.length === 1 ? 'image' : 'images'}, ${times} ${times === 1 ? 'time' : 'times'} in all:`,
        ]),
    ...skipped.map(({ file, why, times: own }) => `  ${file}, ${own} ${own === 1 ? 'time' : 'times'}: ${why}`),
  ];
}

interface Screen {
  /** Text that stays. */
  lines(texts: readonly string[]): void;
  show(event: TrainerEvent, run: RunInfo): void;
}

function plainScreen(stream: NodeJS.WriteStream): Screen {
  return {
    lines: (texts) => texts.forEach((text) => void stream.write(`${printable(text)}\n`)),
    show: (event, run) => {
      if (event.type === 'log') stream.write(`${printable(plainLine(event, run))}\n`);
    },
  };
}

const FRAME_MS = 100;

function liveScreen(stream: NodeJS.WriteStream): Screen {
  const update = createLogUpdate(stream, { showCursor: true });
  let log: LogEvent | null = null;
  let drawn = 0;
  let drawnType = '';
  return {
    lines: (texts) => texts.forEach((text) => update.persist(printable(text))),
    show: (event, run) => {
      if (event.type === 'log') log = event;
      if (event.type === 'end' || event.type === 'stopped') return update.clear();
      if (event.type !== 'step' && event.type !== 'evaluating' && event.type !== 'pass') return;
      if (event.type === drawnType && performance.now() - drawn < FRAME_MS) return;
      [drawn, drawnType] = [performance.now(), event.type];
      update(event.type === 'step' ? liveLines(event.step, event.epoch, log, run) : printable(countedLine(event)));
    },
  };
}

const countedLine = (event: Extract<TrainerEvent, { readonly done: number }>): string =>
  `${event.type === 'pass' ? event.plugin : 'evaluating'} ${bar(event.done / event.of, 30)} ${event.done}/${event.of} images`;

function liveLines(step: number, epoch: number, log: LogEvent | null, run: RunInfo): string {
  const left =
    log === null
      ? ''
      : `  ${duration((log.secondsLeft * (run.steps - step)) / Math.max(1, run.steps - log.step))} left`;
  const head = `epoch ${epoch + 1}/${run.epochs} ${bar(step / run.steps, 30)} step ${step}/${run.steps}${left}`;
  return log === null ? head : `${head}\n  ${printable(figuresOf(log).join('  '))}`;
}
