import type { Listener, LogEvent, RunInfo, Summary, TrainerEvent } from '@kd/core';
import { printable } from '@kd/core/plain';
import { createLogUpdate } from 'log-update';
import { evaluatedImages, metricsLine } from './evaluation-lines.js';
import { averagePrecision, duration } from './figures.js';
import { profileLines } from './profile-lines.js';
import { bar, figuresOf, plainLine, startLines } from './progress-lines.js';
import { sparkline } from './sparkline.js';

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
  if (event.type === 'profile') return profileLines(event.profile);
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
  const course: Course = { log: null, losses: [], best: null };
  let drawn = 0;
  let drawnType = '';
  return {
    lines: (texts) => texts.forEach((text) => update.persist(printable(text))),
    show: (event, run) => {
      follow(course, event);
      if (event.type === 'end' || event.type === 'stopped') return update.clear();
      if (event.type !== 'step' && event.type !== 'evaluating' && event.type !== 'pass') return;
      if (event.type === drawnType && performance.now() - drawn < FRAME_MS) return;
      [drawn, drawnType] = [performance.now(), event.type];
      update(
        event.type === 'step'
          ? liveLines(event, { run, course, width: stream.columns })
          : printable(countedLine(event)),
      );
    },
  };
}

const countedLine = (event: Extract<TrainerEvent, { readonly done: number }>): string =>
  `${event.type === 'pass' ? event.plugin : 'evaluating'} ${bar(event.done / event.of, 30)} ${event.done}/${event.of} images`;

/** What a run has told so far. */
interface Course {
  log: LogEvent | null;
  readonly losses: number[];
  best: { readonly metric: string; readonly value: number; readonly epoch: number } | null;
}

function follow(course: Course, event: TrainerEvent): void {
  if (event.type === 'log') {
    course.log = event;
    course.losses.push(event.total);
  }
  if (event.type === 'evaluation' && event.best) {
    const [first] = Object.entries(event.result.metrics);
    if (first !== undefined) course.best = { metric: first[0], value: first[1], epoch: event.epoch };
  }
}

interface Live {
  readonly run: RunInfo;
  readonly course: Course;
  /** Columns of the terminal; undefined where it does not say. */
  readonly width: number | undefined;
}

function liveLines(
  { step, epoch }: Extract<TrainerEvent, { readonly type: 'step' }>,
  { run, course, width }: Live,
): string {
  const { log } = course;
  const left =
    log === null
      ? ''
      : `  ${duration((log.secondsLeft * (run.steps - step)) / Math.max(1, run.steps - log.step))} left`;
  const head = `epoch ${epoch + 1}/${run.epochs} ${bar(step / run.steps, 30)} step ${step}/${run.steps}${left}`;
  return log === null
    ? head
    : [head, `  ${printable(figuresOf(log).join('  '))}`, ...courseLine(course, width)].join('\n');
}

/** Cells of the loss curve: fewer say nothing, more take the eye from the figures. */
const CURVE = { least: 4, most: 48 };

/** The loss from the start on, and the best evaluation, in one line of the terminal. */
function courseLine({ losses, best }: Course, width = 80): string[] {
  const bestText =
    best === null ? '' : `best ${printable(best.metric)} ${averagePrecision(best.value)} (epoch ${best.epoch + 1})`;
  // Two spaces before each part, and a last column that stays free: some terminals wrap there.
  const room = Math.min(CURVE.most, width - '  loss '.length - (bestText === '' ? 0 : 2 + bestText.length) - 1);
  const curve = losses.length > 1 && room >= CURVE.least ? `loss ${sparkline(losses, room)}` : '';
  const parts = [curve, bestText].filter((part) => part !== '');
  return parts.length === 0 ? [] : [`  ${parts.join('  ')}`];
}
