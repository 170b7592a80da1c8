import { type BuiltTeacher, ofTeachers } from '../run/teachers.js';
import { cacheSize } from '../run/teacher-cache.js';
import { standInOf } from '../plugins/stand-in.js';
import { namesOf } from '../class-names.js';
import type { Dataset } from '../contract/data.js';
import type { TapInfo } from '../contract/detector.js';
import type { Plan, PlannedData, PlannedDetector, PlannedDistiller, PlannedPackage } from '../contract/plan.js';
import type { Role } from '../contract/plugin.js';
import { passTimes } from '../passes/pass-due.js';
import { courseOf } from './course.js';
import { importByName, manifestOf } from '#host/discovery';
import { discover } from '#host/manifests';
import type { Manifest } from '../plugins/manifest.js';
import { ownerOf } from '../plugins/our-packages.js';
import type { MeasuredPasses, TapShapes } from './plan-steps.js';
import { earliestStop } from '../run/early-end.js';
import { plain } from '../run/resolved-config.js';
import { isUnread } from '../run/is-unread.js';
import type { Run } from '../run/run.js';
import type { RunSteps } from '../run/run-steps.js';
import { learningRateFactor } from '../run/schedules.js';
import { trainedVariables } from '../variables.js';

/** What steps and passes have shown of a run. */
interface Seen {
  readonly shapes: TapShapes;
  readonly passes: MeasuredPasses;
}

const NOTHING: Seen = { shapes: { student: new Map(), teachers: new Map() }, passes: new Map() };

/** What a run is made of, before its first step. */
export async function plannedRun(run: Run, steps: RunSteps, { shapes, passes }: Seen = NOTHING): Promise<Plan> {
  const { config, engine, student, teachers, train, val, distillers, metric, stop, precision } = run;
  const declared = await discover(run.options.folder ?? '.');
  return {
    engine,
    seed: config.seed,
    student: await plannedDetector({ ...student, options: student.spec.options }, run, declared),
    ...ofTeachers(
      config,
      await Promise.all(teachers.map(async (one) => [one.id, await plannedDetector(one, run, declared)] as const)),
    ),
    data: {
      train: plannedData(train),
      val: val === null ? null : plannedData(val),
      classes: namesOf(train),
      augment: config.data.augment.map(({ name }) => name),
      workers: config.data.workers,
    },
    distillers: await Promise.all(
      distillers.map((_, i) => plannedDistiller(run, steps, i, { shapes, passes }, declared)),
    ),
    training: {
      epochs: config.epochs,
      stepsPerEpoch: steps.stepsPerEpoch,
      steps: steps.total,
      batchSize: config.batchSize,
      accumulate: config.accumulate,
      ...(steps.loader.paddedSizes && { paddedSizes: steps.loader.paddedSizes }),
      trained: trainedVariables(student.detector, distillers).reduce((sum, { variable }) => sum + variable.size, 0),
      optimizer: config.optimizer,
      clipNorm: config.clipNorm,
      ema: config.ema,
      schedule: config.schedule,
      learningRate: course(
        run,
        steps,
        (progress) => config.optimizer.lr * learningRateFactor(config.schedule, progress),
      ),
      evaluate: { every: config.evaluate.every, metric: metric.name, options: metric.options ?? null },
      ...(precision && { precision: { floats: precision.floats, of: precision.of, gain: precision.gain } }),
      ...(stop && {
        stop: { ...stop, earliest: earliestStop(stop, { epochs: config.epochs, every: config.evaluate.every }) },
      }),
    },
    measured: null,
  };
}

const course = (
  { config: { epochs } }: Run,
  { total: steps, stepsPerEpoch }: RunSteps,
  at: Parameters<typeof courseOf>[0],
) => courseOf(at, { steps, stepsPerEpoch, epochs });

const plannedData = ({ name, images }: Dataset): PlannedData => ({
  name,
  images: images.length,
  objects: images.reduce((sum, { annotations }) => sum + annotations.filter(({ ignore }) => !ignore).length, 0),
});

async function plannedDetector(
  {
    id,
    detector,
    definition,
    options,
    info,
    foreign,
  }: Pick<BuiltTeacher, 'detector' | 'definition' | 'options' | 'info'> & Partial<Pick<BuiltTeacher, 'id' | 'foreign'>>,
  run: Run,
  declared: readonly Manifest[],
): Promise<PlannedDetector> {
  const { name, input, capabilities, taps } = detector;
  const { kind } = definition;
  return {
    name,
    input,
    package: await packageOf(kind, definition, run, declared),
    options: plain(options),
    parameters: info.parameters,
    trainable: info.trainable,
    weights: info.weights,
    ...(standInOf(detector) && { ahead: true as const }),
    ...(id !== undefined && isUnread(id, run.distillers) && { unread: true as const }),
    ...(run.config.cacheTeacher === true && foreign && { cache: cacheSize(run, id!) }),
    capabilities: [...capabilities],
    levels: taps
      .filter((tap) => kind === 'teacher' || tap.name.startsWith('neck@'))
      .sort((a, b) => a.stride - b.stride),
  };
}

async function plannedDistiller(
  run: Run,
  steps: RunSteps,
  index: number,
  { shapes, passes }: Seen,
  declared: readonly Manifest[],
): Promise<PlannedDistiller> {
  const [{ id, name, options, hooks, variables, factor, teacher: learnsFrom }, { definition, preset = null }, taken] = [
    run.distillers[index]!,
    run.uses[index]!,
    run.taken[index]!,
  ];
  const taps = (role: Role) =>
    taken[role].map((tap: TapInfo) => ({
      ...tap,
      shape: (role === 'student' ? shapes.student : shapes.teachers.get(learnsFrom!))?.get(tap.name) ?? null,
    }));
  const pass = hooks.datasetPass;
  return {
    id,
    name,
    preset,
    package: await packageOf('distiller', definition, run, declared),
    options: plain(options),
    requires: { student: definition.requires.student ?? [], teacher: definition.requires.teacher ?? [] },
    taps: { student: taps('student'), teacher: taps('teacher') },
    pairs: taken.pairs.map(({ stride, student, teacher, resampled }) => ({
      stride,
      student: student.name,
      teacher: teacher.name,
      ...(resampled && { resampled: { name: resampled.name, stride: resampled.stride } }),
    })),
    ...(run.config.teachers && learnsFrom !== undefined && { teacher: learnsFrom }),
    variables: variables.map(({ path, variable, trainable, group }) => ({
      path,
      shape: variable.shape,
      trainable,
      ...(group && { optimizer: { name: group.optimizer.name, lr: group.lr } }),
    })),
    pass:
      pass === undefined
        ? null
        : {
            every: pass.every,
            times: passTimes(pass.every, steps.total, steps.stepsPerEpoch, id),
            measured: passes.get(id) ?? null,
          },
    factor: course(run, steps, factor),
  };
}

/** The installed package whose very code this is: a config may bring its own under the same name. */
async function packageOf(
  kind: 'detector' | 'distiller' | 'teacher',
  definition: BuiltTeacher['definition'] | Run['uses'][number]['definition'],
  { options: { folder = '.' } }: Run,
  declared: readonly Manifest[],
): Promise<PlannedPackage> {
  const { name } = definition;
  const owner = ownerOf(kind, name);
  // A config may import ours itself. What a stranger declares under the same name is not run to find that out.
  const isOurs = declared.some((one) => one.package === owner && one.name === name);
  if (isOurs) await importByName(kind, name, folder).catch(() => null);
  const manifest = manifestOf(definition);
  return manifest === undefined ? null : { name: manifest.package, version: manifest.version };
}
