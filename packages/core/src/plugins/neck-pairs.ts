import type * as tf from '@tensorflow/tfjs-core';
import { type Adapter, type AdapterOptions, applyAdapter, createAdapter } from './adapter.js';
import type { Detector } from '../contract/detector.js';
import type { PluginScope, StepView, TapPair, TapRequests } from '../contract/plugin.js';
import { checkSameMaps } from './same-maps.js';

/** A level that student and teacher share, and what brings the student's channels to the teacher's. */
export interface NeckPair extends TapPair {
  readonly adapter: Adapter | null;
}

export interface NeckPairsOptions {
  /** Taps that both models have; without them the whole neck. */
  readonly taps?: string | readonly string[] | undefined;
  /** Null refuses channels that differ, and says that the plugin's option `adapter: 'conv1x1'` would help. */
  readonly adapter: AdapterOptions | null;
  /** True makes adapters for those levels alone whose channels differ. */
  readonly whereNeeded?: boolean;
  /**
   * False leaves the pooled levels of two-stage detectors out where no taps are named: above stride 32 they hold
   * nothing that the level below does not.
   */
  readonly pooled: boolean;
}

/** The levels of the neck that a plugin compares, finest first, with an adapter each. To be called in `featureTap`. */
export function neckPairs(
  scope: PluginScope,
  requests: TapRequests,
  { taps, adapter, whereNeeded = false, pooled }: NeckPairsOptions,
): readonly NeckPair[] {
  const wanted = taps ?? (pooled || !scope.student.capabilities.has('roi.align') ? NECK : unpooled(scope.student));
  if (adapter === null) {
    const hint = `Set adapter: 'conv1x1' in the options of ${scope.id}: a trained 1x1 convolution from the student's channels to the teacher's.`;
    return requests.pair(wanted, { channels: 'equal', hint }).map((pair) => ({ ...pair, adapter: null }));
  }
  return requests.pair(wanted, { channels: 'any' }).map((pair) => ({
    ...pair,
    adapter:
      whereNeeded && pair.student.channels === pair.teacher.channels
        ? null
        : createAdapter(scope, pair.student.name, pair.student.channels, pair.teacher.channels, adapter),
  }));
}

const NECK = 'neck@*';

function unpooled({ taps }: Detector): string | readonly string[] {
  const names = taps.filter(({ name, stride }) => name.startsWith('neck@') && stride <= 32).map(({ name }) => name);
  return names.length > 0 ? names : NECK;
}

/** The maps of both models at the pairs, as they are: adapters are not applied. */
export function pairMaps(
  step: Pick<StepView, 'student' | 'teacher'>,
  pairs: readonly TapPair[],
): { readonly students: tf.Tensor4D[]; readonly teachers: tf.Tensor4D[] } {
  return {
    students: pairs.map((pair) => step.student.tap(pair.student)),
    teachers: pairs.map((pair) => step.teacher.tap(pair.teacher)),
  };
}

/** A level in a step: the student's map through the adapter, and the teacher's, of one shape [b, h, w, c]. */
export interface ComparedMaps {
  readonly pair: NeckPair;
  readonly student: tf.Tensor4D;
  readonly teacher: tf.Tensor4D;
}

/**
 * The maps of both models at the pairs, brought to the same channels.
 * @param id of the plugin in the run, for messages
 * @throws KdError TAP_MISMATCH when a level has different sizes
 */
export function comparedMaps(
  id: string,
  step: Pick<StepView, 'student' | 'teacher'>,
  pairs: readonly NeckPair[],
): ComparedMaps[] {
  return pairs.map((pair) => {
    const [own, teacher] = [step.student.tap(pair.student), step.teacher.tap(pair.teacher)];
    const student = pair.adapter === null ? own : applyAdapter(own, pair.adapter);
    checkSameMaps(id, pair.student.name, student, teacher);
    return { pair, student, teacher };
  });
}

/**
 * Strides of a detector's neck, finest first: their place is the level's place in priors and in the weights of
 * instances.
 */
export const neckStrides = ({ taps }: Pick<Detector, 'taps'>): readonly number[] =>
  taps
    .filter(({ name }) => name.startsWith('neck@'))
    .map(({ stride }) => stride)
    .sort((a, b) => a - b);
