import type { Course, Measured, Plan, PlannedDetector, PlannedDistiller, PlannedPackage, PlannedTap } from '@kd/core';
import { columns, metricWords } from './evaluation-lines.js';
import { count } from './figures.js';

const origin = (from: PlannedPackage): string =>
  from === null ? 'from the config itself' : `${from.name} ${from.version}`;
const shape = (sizes: readonly number[]): string => `[${sizes.join(', ')}]`;
const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`.trimEnd());

/** Texts behind labels of one width; a long one goes on under itself. */
export const labelled = (rows: readonly (readonly [string, string])[]): string[] => {
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.flatMap(([label, text]) =>
    wrapped(text, TEXT).map((line, i) => `${(i === 0 ? label : '').padEnd(width)}  ${line}`),
  );
};

/** Columns of a text, without its label. */
const TEXT = 110;

/** Broken at spaces, but not behind a colon; a word that is longer stays whole. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/(?<!:) /)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** A detector as one paragraph. */
export function detectorLines(
  {
    name,
    package: from,
    parameters,
    trainable,
    weights,
    input,
    ahead,
    unread,
    cache,
    levels,
    capabilities,
  }: PlannedDetector,
  role: 'student' | 'teacher' | `teacher ${string}`,
): string[] {
  const size =
    input.fixedSize === null
      ? `short side ${input.minSize.join(' or ')}, long side at most ${input.maxSize}`
      : `${input.fixedSize.join(' x ')}`;
  const order = `${input.channels === 'bgr' ? ', BGR' : ''}${input.layout === 'nchw' ? ', channels first' : ''}`;
  const channels = new Set(levels.map((level) => level.channels));
  return [
    `${role}: ${name}, ${origin(from)}`,
    ...indented(
      labelled([
        [
          'size',
          `${count(parameters)} parameters, ${role !== 'student' ? 'frozen' : `${count(trainable)} of them trained`}`,
        ],
        ['weights', weights ?? (role === 'student' ? "the detector's own initial ones" : 'none')],
        [
          'input',
          `${size}${order}${input.sizeDivisible === 1 ? '' : `; padded to multiples of ${input.sizeDivisible}`}`,
        ],
        ...(unread ? [['runs', 'never: it is not read by any plugin'] as const] : []),
        ...(ahead && !unread
          ? [
              [
                'runs',
                `${cache === undefined ? 'before each step, on images of its own from the same augmented pictures' : 'once for a picture, on an image of its own'}; its maps are read at the cells of the student`,
              ] as const,
            ]
          : []),
        ...(cache === undefined
          ? []
          : [
              [
                'keeps',
                `its maps in the run folder: ${count(cache.files)} files, ${(cache.bytes / 2 ** 20).toFixed(1)} MiB in all`,
              ] as const,
            ]),
        ...(levels.length === 0
          ? []
          : [
              [
                'levels',
                `${levels.map((level) => `${level.name} (stride ${level.stride}${channels.size > 1 ? `, ${level.channels} channels` : ''})`).join(', ')}${channels.size === 1 ? `, ${[...channels].join()} channels each` : ''}`,
              ] as const,
            ]),
        ['offers', capabilities.join(', ') || 'nothing but taps'],
      ]),
    ),
  ];
}

/** A distiller: what it needs, reads and adds. */
export function distillerLines(one: PlannedDistiller): string[] {
  const { id, name, package: from, preset, variables, pass, options, teacher } = one;
  return [
    `distiller ${id}${id === name ? '' : ` (${name})`}: ${origin(from)}${preset === null ? '' : `, of the preset ${preset}`}${teacher === undefined ? '' : `, learns from ${teacher}`}`,
    ...indented(
      labelled([
        ['needs', needs(one)],
        [
          'adds',
          variables.length === 0
            ? 'no variables'
            : `${variables.length} variables, ${count(variables.reduce((sum, variable) => sum + sizeOf(variable.shape), 0))} parameters, which join the optimiser and the checkpoint and are no part of the student`,
        ],
        ...(pass === null ? [] : [['passes', passText(pass)] as const]),
        ['factor', courseText(one.factor)],
        ['options', optionsText(options)],
      ]),
    ),
    ...(variables.length === 0
      ? []
      : [
          '',
          ...indented(
            columns(
              [
                ['adds', 'shape', ''],
                ...variables.map(({ path, shape: sizes, trainable, optimizer }) => [
                  path,
                  shape(sizes),
                  !trainable ? 'fixed' : optimizer ? `trained by ${optimizer.name}, lr ${optimizer.lr}` : 'trained',
                ]),
              ],
              3,
            ),
          ),
        ]),
    ...tapTable(one),
  ];
}

function needs({ requires: { student, teacher } }: PlannedDistiller): string {
  if (student.length === 0 && teacher.length === 0) return 'no capability of the detectors';
  if (student.join() === teacher.join()) return `${student.join(', ')} of student and teacher`;
  return [
    student.length > 0 ? `${student.join(', ')} of the student` : '',
    teacher.length > 0 ? `${teacher.join(', ')} of the teacher` : '',
  ]
    .filter(Boolean)
    .join('; ');
}

/** The taps, finest level first: pairs that are compared, then what is read besides. */
function tapTable({ taps, pairs }: PlannedDistiller): string[] {
  const by = (role: 'student' | 'teacher', tap: string): PlannedTap | undefined =>
    taps[role].find(({ name }) => name === tap);
  const besides = (role: 'student' | 'teacher'): PlannedTap[] =>
    taps[role].filter(({ name }) => !pairs.some((pair) => pair[role] === name));
  const alone = { student: besides('student'), teacher: besides('teacher') };
  const strides = [...new Set([...alone.student, ...alone.teacher].map(({ stride }) => stride))].sort((a, b) => a - b);
  const rows = [
    ...pairs.map((pair) => [
      `${pair.stride}, paired`,
      ...tapCells(by('student', pair.student)),
      ...tapCells(by('teacher', pair.teacher), pair.resampled),
    ]),
    ...strides.flatMap((stride) => {
      const [students, teachers] = [alone.student, alone.teacher].map((all) =>
        all.filter((tap) => tap.stride === stride),
      ) as [PlannedTap[], PlannedTap[]];
      return Array.from({ length: Math.max(students.length, teachers.length) }, (_, i) => [
        String(stride),
        ...tapCells(students[i]),
        ...tapCells(teachers[i]),
      ]);
    }),
  ];
  return rows.length === 0
    ? ['  reads no taps']
    : ['', ...indented(columns([['stride', 'reads of the student', '', 'reads of the teacher', ''], ...rows], 5))];
}

const tapCells = (tap: PlannedTap | undefined, from?: PlannedDistiller['pairs'][number]['resampled']): string[] =>
  tap === undefined
    ? ['', '']
    : [
        from === undefined ? tap.name : `${from.name}, resampled from stride ${from.stride}`,
        tap.shape === null ? `${tap.channels} channels` : shape(tap.shape),
      ];

function passText({ every, times, measured }: NonNullable<PlannedDistiller['pass']>): string {
  const period =
    typeof every === 'object'
      ? `every ${every.steps} steps`
      : every === 0
        ? 'before the first step alone'
        : every === 1
          ? 'before every epoch'
          : `before the first step and every ${every} epochs`;
  return `over the training data ${period}, ${times} ${times === 1 ? 'time' : 'times'} in all${measured === null ? '' : `; here over the first ${measured.images} images, in ${seconds(measured.seconds)}`}`;
}

/** `1 in every step`, or the values where they change. */
function courseText(course: Course): string {
  const spans: { readonly value: string; readonly from: number; to: number }[] = [];
  for (const { step, value } of course) {
    const last = spans.at(-1);
    if (last?.value === brief(value)) last.to = step;
    else spans.push({ value: brief(value), from: step, to: step });
  }
  if (spans.length === 1) return `${spans[0]!.value} in every step`;
  return spans
    .map(({ value, from, to }) => `${value} in ${from === to ? `step ${from}` : `steps ${from} to ${to}`}`)
    .join(', ');
}

/** Three figures and no zeros behind them. */
export function brief(value: number): string {
  const rounded = Number(value.toPrecision(3));
  return rounded !== 0 && Math.abs(rounded) < 1e-4 ? rounded.toExponential() : String(rounded);
}

export const seconds = (value: number): string => `${value.toFixed(value < 1 ? 2 : 1)} s`;

const sizeOf = (sizes: readonly number[]): number => sizes.reduce((product, size) => product * size, 1);

/** Options as a person writes them in a config. */
function optionsText(options: unknown): string {
  const text = JSON.stringify(options) ?? '';
  return text
    .replaceAll(/"(\w+)":/g, '$1: ')
    .replaceAll(',', ', ')
    .replaceAll('"', "'");
}

const stopText = ({ metric, patience, earliest }: NonNullable<Plan['training']['stop']>, epochs: number): string =>
  `once ${metric} has not risen over ${patience} ${patience === 1 ? 'evaluation' : 'evaluations'}: ${earliest === null ? `never before its ${epochs} epochs are trained` : `after epoch ${earliest} of ${epochs} at the earliest`}`;

/** @param sizes that batches are padded to, where there are several */
function compiledText({ compiled }: Measured, sizes = 1): string {
  if (compiled === null) return 'no: steps run op by op';
  const of = Math.max(sizes, compiled.sizes);
  const some = of === 1 ? '' : `, for ${compiled.sizes} of ${of} sizes of batches`;
  return `in ${seconds(compiled.seconds)}, first runs included${some}`;
}

function precisionText({ floats, of, gain }: NonNullable<Plan['training']['precision']>): string {
  const what = of === 'step' ? 'convolutions and their gradients in' : "the teachers' convolutions in";
  const share = gain?.[of === 'step' ? 'training' : 'forward'];
  const scaled = floats === 'float16' ? ', with the loss scaled' : '';
  return `${what} ${floats}${scaled}${share === undefined ? '' : `, which takes ${share.toFixed(2)} of the time of float32 here`}`;
}

export const trainingRows = ({ training, data, seed, measured }: Plan): (readonly [string, string])[] => {
  const {
    epochs,
    stepsPerEpoch,
    steps,
    batchSize,
    accumulate,
    paddedSizes,
    optimizer,
    trained,
    clipNorm,
    ema,
    learningRate,
    evaluate,
    stop,
    precision,
  } = training;
  const { name, ...settings } = optimizer;
  const set = Object.entries(settings)
    .map(([key, value]) => `, ${key} ${[value].flat().join(' and ')}`)
    .join('');
  const sizes = [...new Set(measured?.steps.map(({ batch }) => shape(batch)))];
  return [
    [
      'data',
      `${data.train.images} images with ${data.train.objects} objects to train (${data.train.name}), ${data.val === null ? 'none' : `${data.val.images} with ${data.val.objects}`} to evaluate${data.val === null ? '' : ` (${data.val.name})`}`,
    ],
    [
      'classes',
      `${data.classes.length}: ${data.classes.slice(0, 10).join(', ')}${data.classes.length > 10 ? ', …' : ''}`,
    ],
    [
      'batch',
      `${batchSize} images${accumulate > 1 ? `, ${accumulate} batches a step` : ''}${sizes.length === 0 ? '' : `, ${sizes.join(' and ')} here`}${data.augment.length === 0 ? '' : `; augmented by ${data.augment.join(', ')}`}`,
    ],
    ...(paddedSizes && paddedSizes.length > 1
      ? [['sizes', `padded to ${paddedSizes.map((size) => size.join(' x ')).join(', ')}`] as const]
      : []),
    ['steps', `${epochs} epochs of ${stepsPerEpoch} = ${steps}, seed ${seed}`],
    ...(measured === null ? [] : [['compiled', compiledText(measured, paddedSizes?.length)] as const]),
    ...(precision === undefined ? [] : [['precision', precisionText(precision)] as const]),
    [
      'optimiser',
      `${name}${set}; trains ${count(trained)} parameters${clipNorm === null ? '' : `; gradients clipped to norm ${clipNorm}`}${ema === null ? '' : `; weights averaged with decay ${ema.decay}`}`,
    ],
    ['rate', courseText(learningRate)],
    [
      'evaluated',
      data.val === null
        ? 'never: there is no data.val'
        : `${evaluate.every === 0 ? 'at the end' : evaluate.every === 1 ? 'after every epoch' : `every ${evaluate.every} epochs`}, by ${metricWords({ name: evaluate.metric, options: evaluate.options ?? {} })}`,
    ],
    ...(stop === undefined ? [] : [['stops', stopText(stop, epochs)] as const]),
  ];
};
