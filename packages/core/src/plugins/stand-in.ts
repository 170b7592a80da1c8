import * as tf from '@tensorflow/tfjs-core';
import type { HostBatch, InputSpec, PreparedImages, TeacherInput } from '../contract/data.js';
import type { Detector, DetectorOutput, TapInfo } from '../contract/detector.js';
import type { Teacher, TeacherOutput } from '../contract/teacher.js';
import { KdError } from '../errors.js';
import { resampleMap } from '../step/resample-map.js';
import { teacherMaps } from '../step/teacher-maps.js';
import { disposeAll } from '../tidy.js';

/** What a teacher said of images, kept in the run folder. */
export interface TeacherStore {
  /** Begins to read the maps of a batch that `maps` is asked for soon. */
  prepare(batch: Pick<HostBatch, 'ids' | 'flipped'>): void;
  /** Maps [b, h, w, c] of a batch by the teacher's own names, which the caller disposes. */
  maps(batch: Pick<HostBatch, 'ids' | 'flipped'>, wanted: readonly string[]): Promise<Record<string, tf.Tensor4D>>;
  close(): Promise<void>;
}

/** A batch as student and teacher see it. */
export interface BothBatches {
  readonly student: Pick<HostBatch, 'shape' | 'imageSizes' | 'ids' | 'flipped'>;
  readonly teacher: PreparedImages;
}

/**
 * A teacher that does not read the student's batch. It is run, or given its images, before the step; then
 * `detector.forward` hands out its taps at the cells of the student, whatever images that is called with.
 */
export interface StandIn {
  /** What the step and the plugins see in its place. */
  readonly detector: Detector;
  readonly input: TeacherInput;
  /** The tap that holds a map of the teacher at a stride of the student. */
  at(tap: TapInfo, stride: number): TapInfo;
  /** The teacher's own taps behind these names. */
  sources(names: readonly string[]): string[];
  /** Where maps are read instead of running it: it needs no images then. */
  store?: TeacherStore;
  /**
   * What it hands out for the batch at hand, where that is nothing but tensors of its own: inputs of a compiled step.
   * Left out where the step runs the teacher itself.
   */
  given?(): GivenMaps | undefined;
  /** Hands out others in their place while `run` runs. */
  within?<T>(given: GivenMaps, run: () => T): T;
  /** @returns what frees all that it keeps for the batch */
  run(batch: BothBatches, wanted: readonly string[]): Promise<() => void>;
}

/** Taps at the cells of the student, and maps before activation, where the teacher has any. */
export interface GivenMaps {
  readonly taps: Readonly<Record<string, tf.Tensor4D>>;
  readonly predictions?: DetectorOutput['predictions'];
}

const standIns = new WeakMap<Detector, StandIn>();

/** What stands behind a teacher that does not read the student's batch, or undefined. */
export const standInOf = (detector: Detector): StandIn | undefined => standIns.get(detector);

/** Taps at strides of the student: `c4` at its own, `c4@8` at another. */
function tapTable(taps: readonly TapInfo[]) {
  const places = new Map(taps.map((tap) => [tap.name, { source: tap, tap }]));
  return {
    at: (source: TapInfo, stride: number): TapInfo => {
      const tap = stride === source.stride ? source : { ...source, name: `${source.name}@${stride}`, stride };
      places.set(tap.name, { source, tap });
      return tap;
    },
    place: (name: string) => places.get(name)!,
    sources: (names: readonly string[]): string[] => [...new Set(names.map((name) => places.get(name)!.source.name))],
  };
}

/** The map of a tap, at the cells that the student has for its stride. */
function aligned(
  map: tf.Tensor4D,
  { source, tap }: { readonly source: TapInfo; readonly tap: TapInfo },
  { student, teacher }: BothBatches,
): tf.Tensor4D {
  const [, height, width] = student.shape;
  return resampleMap(
    map,
    { stride: source.stride, imageSizes: teacher.imageSizes },
    { stride: tap.stride, imageSizes: student.imageSizes },
    [Math.ceil(height / tap.stride), Math.ceil(width / tap.stride)],
  );
}

const notAhead = (name: string): KdError =>
  new KdError('USAGE', `the teacher ${name} was asked for its taps before it was given the batch.`);

/** In the place of a teacher of another family: features, and nothing else that a detector has. */
export function featureStandIn(teacher: Teacher): StandIn {
  const { name, input, taps } = teacher;
  const table = tapTable(taps);
  let current: GivenMaps | undefined;
  const lacks = (what: string) => (): never => {
    throw new KdError(
      'PLUGIN_REQUIRES',
      `the teacher ${name} has features alone, and no ${what}. Take a detector as the teacher, or a plugin that compares features, e.g. pkd.`,
    );
  };
  const detector: Detector = {
    name,
    capabilities: new Set(),
    categories: teacher.categories ?? [],
    input,
    taps,
    variables: [],
    forward: (_images, { taps: wanted = [] }): DetectorOutput => {
      if (current === undefined) throw notAhead(name);
      const { taps: maps, predictions } = current;
      const absent = wanted.find((tap) => !Object.hasOwn(maps, tap));
      if (absent !== undefined)
        throw new KdError(
          'TAP_UNKNOWN',
          `the tap "${absent}" of the teacher ${name} was not asked for in featureTap. Asked for: ${Object.keys(maps).join(', ') || 'none'}.`,
        );
      const made = {
        taps: Object.fromEntries(wanted.map((tap) => [tap, tf.clone(maps[tap]!)])),
        levels: [],
        updates: [],
      };
      // Not listed: whoever looks for tensors in the output asks for nothing.
      const get = (): DetectorOutput['predictions'] => predictions ?? lacks('predictions')();
      return Object.defineProperty(made, 'predictions', { get }) as unknown as DetectorOutput;
    },
    priors: lacks('priors'),
    decode: lacks('coder of boxes'),
    assign: lacks('assigner'),
    terms: lacks('losses'),
    detect: lacks('detections'),
    dispose: () => {},
  };
  const standIn: StandIn = known({
    detector,
    input,
    at: table.at,
    sources: table.sources,
    run: async (batch, wanted) => {
      const sources = table.sources(wanted);
      const output: TeacherOutput = standIn.store
        ? { maps: await standIn.store.maps(batch.student, sources) }
        : await teacherMaps(teacher, { ...batch.teacher, ids: batch.student.ids }, sources);
      const maps = Object.fromEntries(
        wanted.map((tap) => {
          const place = table.place(tap);
          return [tap, aligned(output.maps[place.source.name]!, place, batch)];
        }),
      );
      disposeAll(output.maps);
      const { predictions } = output;
      current = { taps: maps, ...(predictions && { predictions }) };
      return () => {
        disposeAll([maps, predictions]);
        current = undefined;
      };
    },
    given: () => current,
    within: ({ taps: maps, predictions }, run) => {
      const outside = current;
      // Whoever reads predictions keeps and frees them: these are inputs.
      current = { taps: maps, ...(predictions && { predictions: cloned(predictions) }) };
      try {
        return run();
      } finally {
        current = outside;
      }
    },
  });
  return standIn;
}

const cloned = (predictions: DetectorOutput['predictions']): DetectorOutput['predictions'] =>
  Object.fromEntries(Object.entries(predictions).map(([name, maps]) => [name, maps.map((map) => tf.clone(map))]));

function known(standIn: StandIn): StandIn {
  standIns.set(standIn.detector, standIn);
  return standIn;
}

/** Whether two rules give images of one size, whatever the pixels are turned into. */
export const sameSizes = (a: InputSpec, b: InputSpec): boolean => sizeRule(a) === sizeRule(b);

const sizeRule = ({ minSize, maxSize, fixedSize, resize, sizeDivisible }: InputSpec): string =>
  JSON.stringify([minSize, maxSize, fixedSize, resize ?? 'torchvision', sizeDivisible]);

/**
 * In the place of a detector that reads other images than the student's: with the pixels of its own rule. Where images
 * have other sizes too, cells and boxes of the two do not belong together, and it has features alone.
 */
export function detectorStandIn(own: Detector, student: InputSpec): StandIn {
  const table = tapTable(own.taps);
  let current: { readonly images: tf.Tensor4D; readonly batch: BothBatches } | undefined;
  const forward: Detector['forward'] = (_images, options) => {
    if (current === undefined) throw notAhead(own.name);
    const { images, batch } = current;
    const wanted = options.taps ?? [];
    const output = own.forward(images, { ...options, taps: table.sources(wanted) });
    const taps = Object.fromEntries(
      wanted.map((tap) => [tap, aligned(output.taps[table.place(tap).source.name]!, table.place(tap), batch)]),
    );
    return Object.create(output, { taps: { value: taps, enumerable: true } }) as DetectorOutput;
  };
  const { name, categories, input, taps, variables, config, head, dense, firstStage, secondStage } = own;
  const whole = sameSizes(input, student);
  const detector: Detector = {
    ...{ name, categories, input, taps, variables, ...(config && { config }) },
    capabilities: whole ? own.capabilities : new Set(),
    ...(whole && {
      ...(head && { head }),
      ...(dense && { dense }),
      ...(firstStage && { firstStage }),
      ...(secondStage && { secondStage }),
    }),
    forward,
    priors: (...given) => own.priors(...given),
    decode: (...given) => own.decode(...given),
    assign: (...given) => own.assign(...given),
    terms: (...given) => own.terms(...given),
    detect: (...given) => own.detect(...given),
    dispose: () => own.dispose(),
  };
  return known({
    detector,
    input: own.input,
    at: table.at,
    sources: table.sources,
    run: async (batch) => {
      const images = tf.tensor4d(batch.teacher.data, [...batch.teacher.shape]);
      current = { images, batch };
      return () => {
        images.dispose();
        current = undefined;
      };
    },
  });
}
