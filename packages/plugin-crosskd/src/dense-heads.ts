import {
  type Adapter,
  applyAdapter,
  checkSameMaps,
  createAdapter,
  given,
  type Hooks,
  KdError,
  pickMapClasses,
  type PluginScope,
  type Predictions,
  type Priors,
  type StepView,
  type TapPair,
  type TapRequests,
  warnOnce,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { checkPair, type Pairing } from './check-pair.js';
import { crossHead } from './cross-head.js';
import { denominator } from './denominators.js';
import { EmptySteps } from './empty-steps.js';
import { hasStatistics } from './level-checks.js';
import { boxTerms, centernessTerms, classTerms, hasCenterness, type LossInputs, usualWeights } from './losses.js';
import { namedTerms } from './named-terms.js';
import type { CrossKdOptions } from './options.js';
import { type TowerTap, towerTap } from './tower-tap.js';

/** What dense heads read of the options. */
export type DenseOptions = Omit<CrossKdOptions, 'rpn' | 'weights'> & {
  readonly weights: Pick<CrossKdOptions['weights'], 'cls' | 'reg' | 'ctr'>;
};

/** Where a level's features are read, and what brings the student's to the teacher's width. */
interface Level {
  readonly name: string;
  readonly pair: TapPair;
  /** By branch. */
  readonly taps: Readonly<Record<string, { readonly student: TowerTap; readonly teacher: TowerTap }>>;
}

/** Crosses two dense heads: those of one-stage detectors, or two region proposal networks. */
export function crossDense(scope: PluginScope, options: DenseOptions): Hooks {
  const pairing = checkPair(scope, options);
  const { align = true, temperature = 1 } = options;
  const weights = { ...usualWeights(pairing.student, pairing.teacher), ...given(options.weights) };
  const emptySteps = new EmptySteps(scope.id, scope.logger);
  const warn = warnOnce(scope.logger);
  let levels: readonly Level[] = [];
  let adapters: Readonly<Record<string, Adapter>> = {};
  let seen = false;
  let centerness = false;

  return {
    // A factor of what is not there would be refused of the next run with these options.
    get settled() {
      const { ctr, ...others } = weights;
      const counted = centerness ? { ...others, ctr } : others;
      return { i: pairing.i, weights: counted, coding: pairing.decoding, align, temperature };
    },

    featureTap(requests) {
      levels = requests
        .pair(options.neck, { channels: 'any' })
        .map((pair) => levelOf(scope, pair, pairing, options, requests));
      centerness = countsCenterness(pairing, levels[0]!);
      if (!centerness && (options.weights.ctr ?? 0) > 0)
        throw new KdError(
          'CONFIG_INVALID',
          `${scope.id}: weights.ctr is of teachers with anchors and a centerness (the teacher is ${scope.teacher.name}). Leave it out.`,
        );
      adapters = options.adapter === 'conv1x1' ? makeAdapters(scope, levels[0]!, align) : {};
      if (options.adapter === 'none') for (const level of levels) checkWidths(scope.id, level, pairing.i);
    },

    lossCompose: (step) =>
      tf.tidy(() => {
        const { crossed, active } = crossLevels(step, { id: scope.id, levels, adapters, pairing, align, seen, warn });
        seen = true;
        const { scale, empty } = denominator(pairing.student, step.assignment, options.parity);
        if (empty && !options.parity) emptySteps.add(empty);
        let priors: Priors | undefined;
        const inputs: LossInputs = {
          crossed: ofShared(crossed, pairing),
          taught: ofShared(step.teacher.predictions, pairing),
          classes: pairing.classes,
          student: pairing.student,
          teacher: pairing.teacher,
          assignment: step.assignment,
          perLevel: step.priors.perLevel,
          scale,
          decode: (codes) => scope.teacher.decode(codes, (priors ??= teacherPriors(scope, step, levels))),
        };
        const terms: Record<string, tf.Scalar[]> = {
          cls: classTerms(inputs, options.beta),
          reg: boxTerms(inputs, temperature),
          ...(weights.ctr > 0 && hasCenterness(pairing.teacher, inputs.taught) && { ctr: centernessTerms(inputs) }),
        };
        const names = levels.map(({ name }) => name);
        return namedTerms(weighted(terms, weights, active), names, options.perLevel);
      }),

    state: () => emptySteps.state(),
    restore: (state) => emptySteps.restore(state),
    dispose: () => emptySteps.dispose(),
  };
}

function levelOf(
  scope: PluginScope,
  pair: TapPair,
  { i, branches }: Pairing,
  { tap: at }: DenseOptions,
  requests: TapRequests,
): Level {
  const of = (role: 'student' | 'teacher', branch: string): TowerTap =>
    towerTap(
      { id: scope.id, role, detector: scope[role] },
      { branch, level: pair.index, i, at, neck: pair[role] },
      requests,
    );
  const both = (branch: string) => ({ student: of('student', branch), teacher: of('teacher', branch) });
  return {
    name: pair.student.name.split('@').at(-1)!,
    pair,
    taps: Object.fromEntries(branches.map((branch) => [branch, both(branch)])),
  };
}

/** Whether the teacher's head gives a centerness that the method compares. */
function countsCenterness({ teacherHead, branches, teacher }: Pairing, { pair }: Level): boolean {
  const maps = tf.tidy(() => {
    const cell: tf.Tensor4D = tf.zeros([1, 1, 1, pair.teacher.channels]);
    return branches.flatMap((branch) => Object.keys(teacherHead.run(branch, cell, { level: 0 })));
  });
  return hasCenterness(teacher, Object.fromEntries(maps.map((map) => [map, true])));
}

function checkWidths(id: string, { name, taps }: Level, i: number): void {
  for (const [branch, { student, teacher }] of Object.entries(taps)) {
    if (student.channels === teacher.channels) continue;
    throw new KdError(
      'TAP_MISMATCH',
      `${id}: widths differ at level ${name} behind ${i} blocks of the ${branch} branch: the student has ${student.channels} channels, the teacher ${teacher.channels}. Set adapter: 'conv1x1' in the options of ${id}, or give the student's head the teacher's width.`,
    );
  }
}

/**
 * One a branch, shared by the levels as the layers of the heads are; without bias where an alignment behind it takes
 * the mean of every channel away.
 */
const makeAdapters = (scope: PluginScope, { taps }: Level, align: boolean): Record<string, Adapter> =>
  Object.fromEntries(
    Object.entries(taps).map(([branch, { student, teacher }]) => [
      branch,
      createAdapter(scope, branch, student.channels, teacher.channels, { bias: !align }),
    ]),
  );

interface CrossContext {
  readonly id: string;
  readonly levels: readonly Level[];
  readonly adapters: Readonly<Record<string, Adapter>>;
  readonly pairing: Pairing;
  readonly align: boolean;
  readonly seen: boolean;
  readonly warn: (message: string) => void;
}

/** The cross-head predictions of all levels, and which levels count. */
function crossLevels(
  step: StepView,
  { id, levels, adapters, pairing: { i, teacherHead }, align, seen, warn }: CrossContext,
): { crossed: Predictions; active: readonly boolean[] } {
  const crossed: Record<string, tf.Tensor4D[]> = {};
  const active = levels.map(({ name, taps }, level) => {
    const features = Object.entries(taps).map(([branch, tap]) => {
      const [own, teacher] = [tap.student.read(step.student), tap.teacher.read(step.teacher)];
      const adapter = adapters[branch];
      const student = adapter ? applyAdapter(own, adapter) : own;
      checkSameMaps(id, name, student, teacher);
      return { branch, student, teacher };
    });
    const counts = !align || hasStatistics(name, features[0]!.student.shape, { id, seen, warn });
    const maps = features.map(({ branch, ...feature }) =>
      counts ? crossHead(teacherHead, branch, feature, { level, i, align }).maps : {},
    );
    for (const [map, taught] of Object.entries(step.teacher.predictions))
      (crossed[map] ??= []).push(Object.assign({}, ...maps)[map] ?? taught[level]!);
    return counts;
  });
  return { crossed, active };
}

/** Anchors or points of the teacher for this batch. */
function teacherPriors(
  { teacher }: PluginScope,
  { teacher: view, targets }: StepView,
  levels: readonly Level[],
): Priors {
  const output = {
    taps: {},
    levels: levels.map(({ pair }) => view.tap(pair.teacher)),
    predictions: view.predictions,
    updates: [],
  };
  return teacher.priors(output, targets.paddedSize);
}

/** The teacher's maps with the classes that both models have; crossed ones come out of its head, too. */
const ofShared = (maps: Predictions, { shared, teacherClasses }: Pairing): Predictions =>
  shared.same ? maps : { ...maps, cls: maps['cls']!.map((map) => pickMapClasses(map, shared.teacher, teacherClasses)) };

/** What each level's terms count; those of a level that does not count are 0. */
const weighted = (
  terms: Readonly<Record<string, readonly tf.Scalar[]>>,
  weights: Readonly<Record<string, number>>,
  active: readonly boolean[],
): Record<string, tf.Scalar[]> =>
  Object.fromEntries(
    Object.entries(terms).map(([name, values]) => [
      name,
      values.map((value, level): tf.Scalar => (active[level] ? tf.mul(value, weights[name]!) : tf.scalar(0))),
    ]),
  );
