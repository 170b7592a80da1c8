import type { Measured, Plan } from '@kd/core';
import { columns } from './evaluation-lines.js';
import { duration, engineText, number, percent } from './figures.js';
import { brief, detectorLines, distillerLines, labelled, seconds, trainingRows } from './plan-parts.js';

/** A plan for a person to read: what stands in the config, then what its first steps came to. */
export function planLines(plan: Plan): string[] {
  const { engine, student, distillers, measured } = plan;
  return [
    ...labelled([
      [
        'engine',
        `${engineText(engine)}${engine.memoryLimit === undefined ? '' : `, at most ${mebibytes(engine.memoryLimit)} of tensors`}`,
      ],
      ...trainingRows(plan),
    ]),
    ...paragraph(detectorLines(student, 'student')),
    ...teacherLines(plan).flatMap(paragraph),
    ...distillers.flatMap((one) => paragraph(distillerLines(one))),
    ...(measured === null ? [] : [...paragraph(termLines(plan, measured)), ...paragraph(costLines(plan, measured))]),
  ];
}

/** What detectors and distillers tap, need and add, without the rest of a plan. */
export const partLines = (plan: Plan): string[] =>
  [detectorLines(plan.student, 'student'), ...teacherLines(plan), ...plan.distillers.map((one) => distillerLines(one))]
    .flatMap(paragraph)
    .slice(1);

const teacherLines = ({ teacher, teachers = {} }: Plan): string[][] => [
  ...(teacher === null ? [] : [detectorLines(teacher, 'teacher')]),
  ...Object.entries(teachers).map(([name, one]) => detectorLines(one, `teacher ${name}`)),
];

const paragraph = (lines: readonly string[]): string[] => ['', ...lines];

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 24 ? 1 : 0)} MiB`;

/** The terms as they enter the total, each with the factor that its distiller gives it in the first step. */
function termLines({ distillers }: Plan, { steps }: Measured): string[] {
  const of = (name: string) => distillers.find(({ id }) => name.startsWith(`${id}.`));
  const names = [...new Set(steps.flatMap(({ terms }) => Object.keys(terms)))];
  const cells = (name: string, values: readonly (number | undefined)[], factor: string): string[] => [
    name,
    ...values.map((value) => (value === undefined ? '' : number(value))),
    factor,
  ];
  const silent = distillers.filter(({ id }) => !names.some((name) => name.startsWith(`${id}.`))).map(({ id }) => id);
  return [
    ...columns([
      ['loss', ...steps.map((_, i) => `step ${i + 1}`), distillers.length > 0 ? 'factor now' : ''],
      ...names.map((name) =>
        cells(
          name,
          steps.map(({ terms }) => terms[name]),
          of(name) === undefined ? '' : brief(of(name)!.factor[0]!.value),
        ),
      ),
      cells(
        'total',
        steps.map(({ total }) => total),
        '',
      ),
    ]),
    ...(silent.length === 0 ? [] : [`no terms of ${silent.join(', ')} in these steps`]),
  ];
}

function costLines({ training, data, engine, distillers }: Plan, { steps, peakMemory, estimate }: Measured): string[] {
  const passes = distillers.filter(({ pass }) => pass !== null).map(({ id }) => id);
  const besides = [
    ...(data.val === null ? [] : ['evaluations']),
    ...(passes.length === 0 ? [] : [`passes of ${passes.join(', ')}`]),
  ].join(' and ');
  return labelled([
    [
      'time',
      steps
        .map(
          ({ seconds: taken, waited }, i) =>
            `step ${i + 1} ${seconds(taken)}, ${percent(waited)} of it waiting for data`,
        )
        .join('; '),
    ],
    [
      'whole run',
      `about ${duration(estimate)}: ${training.steps} steps like step ${steps.length}${besides === '' ? '' : `; ${besides} come on top`}`,
    ],
    [
      'memory',
      `at most ${mebibytes(peakMemory)} up to here${engine.device === 'gpu' ? ', without that of the GPU' : ''}; live tensors ${steps.map(({ tensors, bytes }, i) => `${tensors} (${mebibytes(bytes)}) after step ${i + 1}`).join(', ')}`,
    ],
  ]);
}
