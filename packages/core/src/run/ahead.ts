import type { HostBatch, InputSpec, PreparedImages, TeacherInput } from '../contract/data.js';
import type { Detector } from '../contract/detector.js';
import { KdError } from '../errors.js';
import { type StandIn, standInOf } from '../plugins/stand-in.js';
import { oneAhead } from './one-ahead.js';

/** A teacher with the names of the taps that are wanted of it. */
export interface Wanted {
  readonly detector: Detector;
  readonly taps: readonly string[];
}

/** Teachers that do not read the student's batch. */
export interface Ahead {
  /** Whether there is any. */
  readonly some: boolean;
  /** What the loader is asked for besides: one rule each, of which some teachers may share one. */
  readonly extraInputs: readonly TeacherInput[] | undefined;
  /**
   * The same batches; each comes when the next is known, whose maps are then read during its step, where they are kept.
   * @param wanted what will be asked for, as far as is known
   */
  follow(batches: AsyncIterable<HostBatch>, wanted: () => readonly Wanted[]): AsyncIterable<HostBatch>;
  /**
   * Runs those that are asked for on a batch, before its step.
   * @returns what frees all that was made for it; undefined where there is nothing
   */
  run(batch: HostBatch, wanted: readonly Wanted[]): Promise<(() => void) | undefined>;
}

/** @param student how the images of the batch are made @param name of the data set, for messages */
export function aheadOf(teachers: readonly Detector[], student: InputSpec, name: string): Ahead {
  const rule = (input: TeacherInput): string => {
    const { channels = 'rgb', range = 1, resize = 'torchvision', layout = 'nhwc', ...rest } = input;
    const { minSize, maxSize, fixedSize, mean, std, sizeDivisible } = rest;
    return JSON.stringify([minSize, maxSize, fixedSize, mean, std, sizeDivisible, channels, range, resize, layout]);
  };
  const own = rule(student);
  const rules = new Map<StandIn, string>();
  const inputs = new Map<string, TeacherInput>();
  for (const teacher of teachers) {
    const standIn = standInOf(teacher);
    if (standIn === undefined) continue;
    const { input, store } = standIn;
    const wanted = rule(input);
    rules.set(standIn, wanted);
    if (store === undefined && wanted !== own) inputs.set(wanted, input);
  }
  const places = [...inputs.keys()];
  const imagesFor = (batch: HostBatch, standIn: StandIn): PreparedImages => {
    const { images: data, shape, imageSizes } = batch;
    if (standIn.store !== undefined) return unseen(standIn.input, shape[0]);
    const wanted = rules.get(standIn)!;
    if (wanted === own) return { data, shape, imageSizes };
    const prepared = batch.extra?.[places.indexOf(wanted)];
    if (prepared !== undefined) return prepared;
    throw new KdError(
      'DATA_INVALID',
      `the loader of ${name} does not prepare images for a teacher with an input of its own: it has to follow \`extraInputs\` of its options, as those of @kd/data do.`,
    );
  };
  return {
    some: rules.size > 0,
    extraInputs: inputs.size === 0 ? undefined : [...inputs.values()],
    follow: (batches, wanted) =>
      [...rules.keys()].some(({ store }) => store !== undefined)
        ? oneAhead(batches, (batch) => wanted().forEach(({ detector }) => standInOf(detector)?.store?.prepare(batch)))
        : batches,
    run: async (student, wanted) => {
      const freed: (() => void)[] = [];
      const free = (): void => freed.forEach((one) => one());
      try {
        for (const { detector, taps } of wanted) {
          const standIn = standInOf(detector);
          if (standIn !== undefined)
            freed.push(await standIn.run({ student, teacher: imagesFor(student, standIn) }, taps));
        }
      } catch (error) {
        free();
        throw error;
      }
      return freed.length === 0 ? undefined : free;
    },
  };
}

/** Where maps are read from a store: the sizes of the images that they belong to, without pixels. */
function unseen({ fixedSize, layout }: TeacherInput, b: number): PreparedImages {
  const [h, w] = fixedSize!;
  const shape: PreparedImages['shape'] = layout === 'nchw' ? [b, 3, h, w] : [b, h, w, 3];
  return { data: new Float32Array(), shape, imageSizes: Array.from({ length: b }, () => [h, w] as const) };
}
