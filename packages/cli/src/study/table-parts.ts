import { averagePrecision } from '@kd/report';
import type { Figure, StudyTable } from './table.js';

/** A table in words: what is written in each of the forms. */
export interface Part {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Beside these no others of the many of COCO: AR is rarely asked for. */
const OTHERS = ['AP50', 'AP75', 'AP50to95', 'APs', 'APm', 'APl'];

export function tableParts(table: StudyTable): Part[] {
  const { data, primary, base, classes, variants, runs } = table;
  const others = OTHERS.filter((name) => name !== primary && variants.some((row) => name in row.others));
  return [
    {
      title: `Variants on the ${data}`,
      head: [
        'variant',
        'seeds',
        primary,
        'deviation',
        `gain over ${base}`,
        '95 % over images',
        'told from chance',
        'minutes',
        'step',
        'steps',
      ],
      rows: variants.map(({ variant, seeds, missing, figure, minutes, cost, steps }) => [
        variant,
        `${seeds.length}${missing.length === 0 ? '' : ` of ${seeds.length + missing.length}`}`,
        averagePrecision(figure?.mean),
        deviationWords(figure),
        ...gainWords(figure, variant === base),
        minutes === null ? NONE : minutes.toFixed(1),
        cost === null ? NONE : `${cost.toFixed(2)} ×`,
        steps === null ? NONE : String(steps),
      ]),
    },
    {
      title: `Per class on the ${data}: ${primary}, and the gain over ${base}`,
      head: ['variant', ...classes.flatMap((name) => [name, 'gain'])],
      rows: variants.map(({ variant, perClass }) => [
        variant,
        ...classes.flatMap((name) => [averagePrecision(perClass[name]?.mean), classGain(perClass[name] ?? null)]),
      ]),
    },
    ...(others.length === 0
      ? []
      : [
          {
            title: `${others.join(', ')} on the ${data}`,
            head: ['variant', ...others],
            rows: variants.map(({ variant, others: own }) => [
              variant,
              ...others.map((name) => averagePrecision(own[name])),
            ]),
          },
        ]),
    {
      title: `Runs on the ${data}`,
      head: ['run', primary, '95 % over images', ...others, ...classes, 'minutes', 'steps'],
      rows: runs.map(({ run, missing, metrics, perClass, interval, minutes, steps }) =>
        missing === null
          ? [
              run,
              averagePrecision(metrics[primary]),
              interval === null ? NONE : interval.map(averagePrecision).join(' … '),
              ...[...others.map((name) => metrics[name]), ...classes.map((name) => perClass[name])].map(
                averagePrecision,
              ),
              minutes === null ? NONE : minutes.toFixed(1),
              steps === null ? NONE : String(steps),
            ]
          : [run, missing],
      ),
    },
  ];
}

const NONE = '–';

const deviationWords = (figure: Figure | null): string =>
  figure === null || figure.deviation === null ? NONE : averagePrecision(figure.deviation);

export const signed = (value: number): string => `${value < 0 ? '-' : '+'}${(100 * Math.abs(value)).toFixed(1)}`;

function gainWords(figure: Figure | null, isBase: boolean): string[] {
  if (isBase) return ['', '', ''];
  const gain = figure?.gain ?? null;
  if (gain === null) return [NONE, NONE, 'not comparable'];
  const { value, interval, chance } = gain;
  return [
    signed(value),
    interval.map(signed).join(' … '),
    chance === 'none' ? 'yes' : chance === 'one seed' ? 'one seed' : `no (${chance})`,
  ];
}

/** Brackets round what cannot be told from chance. */
function classGain(figure: Figure | null): string {
  const gain = figure?.gain ?? null;
  if (gain === null) return '';
  const { value, chance } = gain;
  return chance === 'none' ? signed(value) : `(${signed(value)})`;
}

/** What a reader must know of the figures. */
export function notes(tables: readonly StudyTable[]): string[] {
  const { metric, primary, base, resamplings, variants } = tables[0]!;
  const one = variants.some(({ seeds, figure }) => figure !== null && seeds.length === 1);
  return [
    `${primary} of ${metric} in percent, of the last weights, on ${tables.map(({ data, images }) => `${images} ${images === 1 ? 'image' : 'images'} of the ${data}`).join(' and ')}.`,
    `The interval resamples these images ${resamplings} times, the same draws for both sides, and compares the means over the seeds that both have.`,
    `A gain is told from chance when the interval leaves zero out and the gain is more than twice its standard error over seeds; else the table says which of the two it may be owed to. Gains in brackets are not told from chance.`,
    ...(one
      ? [
          'There are figures of one seed: how much another seed would change them is not known, so that no deviation is given.',
        ]
      : []),
    `step: the time of a training step, that of ${base} being 1 (median over the log).`,
    ...missingNotes(variants),
  ];
}

/** `a, seeds 1 and 2; b, seed 1: not trained yet`: what has one reason is told in one line. */
function missingNotes(variants: StudyTable['variants']): string[] {
  const whys = new Set(variants.flatMap(({ missing }) => missing.map(({ why }) => why)));
  return [...whys].map((why) => {
    const runs = variants.flatMap(({ variant, missing }) => {
      const seeds = missing.filter((one) => one.why === why).map(({ seed }) => seed);
      return seeds.length === 0 ? [] : [`${variant}, ${seeds.length === 1 ? 'seed' : 'seeds'} ${listed(seeds)}`];
    });
    return `${runs.join('; ')}: ${why}`;
  });
}

const listed = (seeds: readonly number[]): string =>
  [seeds.slice(0, -1).join(', '), seeds.at(-1)].filter((part) => part !== '').join(' and ');
