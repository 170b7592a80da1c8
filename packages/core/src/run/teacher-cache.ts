import { exists } from '#host/files';
import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor, NamedTensors } from '../contract/checkpoint.js';
import type { HostBatch } from '../contract/data.js';
import { KdError, messageOf } from '../errors.js';
import { fingerprintOfData, fingerprintOfFrozen } from '../fingerprint.js';
import { toHalf } from '../half.js';
import { openLoader } from '../open-loader.js';
import { type StandIn, standInOf, type TeacherStore } from '../plugins/stand-in.js';
import { readSame } from '../passes/pass-cache.js';
import { teacherMaps } from '../step/teacher-maps.js';
import { disposeAll } from '../tidy.js';
import { toHost } from '../variables.js';
import { type KeptMaps, together } from './kept-maps.js';
import { mapThread } from '#host/map-thread';
import type { MapAnswer, MapThread } from './map-answers.js';
import type { BuiltTeacher } from './teachers.js';
import type { Run } from './run.js';

/** How much a cached teacher keeps at most. */
export interface CacheSize {
  readonly files: number;
  readonly bytes: number;
}

/** A picture and its mirror image have maps of their own. @throws KdError DATA_INVALID */
export function checkFlips({ flipped }: HostBatch, { train, config }: Pick<Run, 'train' | 'config'>): void {
  if (flipped === undefined && config.data.augment.length > 0)
    throw new KdError(
      'DATA_INVALID',
      `cacheTeacher: the loader of ${train.name} does not say which images were flipped (\`flipped\` of its batches). Leave cacheTeacher out, or flip.`,
    );
}

/** Files and bytes of all pictures, those that `flip` mirrors too, as fp16. */
export function cacheSize(
  { train, taps, teachers, config }: Pick<Run, 'train' | 'taps' | 'teachers' | 'config'>,
  id: string,
): CacheSize {
  const { detector, foreign } = teachers.find((one) => one.id === id)!;
  const teacher = foreign!;
  const wanted = standInOf(detector)!.sources(taps.teachers.get(id) ?? []);
  const [height, width] = teacher.input.fixedSize!;
  const cells = (stride: number): number => Math.ceil(height / stride) * Math.ceil(width / stride);
  const each = teacher.taps
    .filter(({ name }) => wanted.includes(name))
    .reduce((sum, { stride, channels }) => sum + 2 * channels * cells(stride), 0);
  const files = train.images.length * (config.data.augment.length > 0 ? 2 : 1);
  return { files, bytes: files * each };
}

type Needs = Pick<Run, 'folder' | 'options' | 'logger' | 'train' | 'config' | 'fromHalves'>;

/** The store of one teacher. A picture is run alone, so that its maps do not depend on what was missing beside it. */
export function teacherStore(
  { id, detector, foreign }: BuiltTeacher,
  standIn: StandIn,
  taps: readonly string[],
  { folder, options: { format }, logger, train, config, fromHalves }: Needs,
): TeacherStore {
  const teacher = foreign!;
  const sources = standIn.sources(taps);
  const places = new Map(train.images.map((image, place) => [image.id, place]));
  const [flip] = config.data.augment;
  // At a fixed size the batch itself is what a further rule would give, but for the order of the axes.
  const extraInputs = teacher.input.layout === 'nchw' ? [teacher.input] : undefined;
  let from: Promise<string> | undefined;
  const madeFrom = (): Promise<string> =>
    (from ??= fingerprintOfFrozen(detector).then((weights) =>
      JSON.stringify({ teacher: weights, taps: sources, data: fingerprintOfData(train), flip: flip?.['direction'] }),
    ));

  const make = async ({ place, flipped }: Picture): Promise<NamedTensors> => {
    const of = pictureOf({ place, flipped });
    const loader = openLoader(train, {
      input: teacher.input,
      ...(extraInputs && { extraInputs }),
      ...{ batchSize: 1, training: flipped, shuffle: false, dropLast: false, seed: 0, workers: 0, onBadImage: 'error' },
      augment: flipped ? [{ ...flip!, probability: 1 }] : [],
      indices: [place],
    });
    try {
      for await (const batch of loader.epoch(0)) {
        const { images: data, shape, imageSizes, ids } = batch;
        const images = extraInputs ? batch.extra![0]! : { data, shape, imageSizes };
        const output = await teacherMaps(teacher, { ...images, ids }, sources);
        const tensors = new Map<string, HostTensor>();
        try {
          for (const name of sources) tensors.set(name, half(id, name, await toHost(output.maps[name]!)));
        } finally {
          disposeAll(output);
        }
        const made = { kd: '1', teacher: id, ...of, madeFrom: await madeFrom() };
        await format.write(fileOf(of.picture), tensors, made).catch(notKept);
        return tensors;
      }
    } finally {
      await loader.close();
    }
    throw new KdError('DATA_INVALID', `the loader of ${train.name} gave no image for place ${place}.`);
  };

  const fileOf = (picture: string): string =>
    folder.file('passes', `teacher-${id}`, 'cache', `${picture}${format.extension}`);
  const pictures = ({ ids, flipped }: Named) =>
    ids.map((image, i) => ({ place: places.get(image)!, flipped: flipped?.[i] ?? false }));

  const widen = fromHalves === undefined;
  let thread: MapThread | undefined;
  /** Of batches whose step has not come. */
  const reading = new WeakMap<Named, Promise<MapAnswer>>();
  const ended = (why: string): void =>
    logger.warn(
      `the thread that reads the maps of the teacher "${id}" ended (${why}): steps wait for them from here on.`,
    );
  const belong = async ({ metadata }: KeptMaps, batch: Named): Promise<boolean> => {
    const from = await madeFrom();
    const names = pictures(batch).map(pictureOf);
    return metadata.every((of, i) => of['picture'] === names[i]!.picture && of['madeFrom'] === from);
  };

  return {
    prepare: (batch) => {
      const files = pictures(batch).map((one) => fileOf(pictureOf(one).picture));
      if (format.thread === undefined || !files.every((file) => exists(file))) return;
      thread ??= mapThread(format.thread, ended);
      reading.set(batch, thread.read({ files, names: sources, widen }));
    },
    maps: async (batch, wanted) => {
      const read = await reading.get(batch);
      if (read && (await belong(read, batch))) return onDevice(read.maps, wanted, fromHalves);
      const from = await madeFrom();
      const looked = await Promise.all(
        pictures(batch).map(async (one) => {
          const of = pictureOf(one);
          const found = await readSame(fileOf(of.picture), { ...of, madeFrom: from }, { format, logger });
          return { one, found };
        }),
      );
      const rows: NamedTensors[] = [];
      // One after the other: what is missing runs the teacher.
      for (const { one, found } of looked) rows.push(found ?? (await make(one)));
      return onDevice(together(rows, wanted, widen), wanted, fromHalves);
    },
    close: async () => thread?.close(),
  };
}

type Named = Pick<HostBatch, 'ids' | 'flipped'>;

/** An image of the data set, by its place there, as it is or turned over. */
interface Picture {
  readonly place: number;
  readonly flipped: boolean;
}

/** The name of a file, which it holds as well: one that was copied under the name of another is not taken for it. */
const pictureOf = ({ place, flipped }: Picture) => ({ picture: `${place}${flipped ? '-flipped' : ''}` });

/** @throws KdError TEACHER_INVALID for values beyond fp16 */
function half(id: string, tap: string, { shape, data }: HostTensor): HostTensor {
  const values = toHalf(data as Float32Array);
  if (values.some((bits) => (bits & 0x7c00) === 0x7c00))
    throw new KdError(
      'TEACHER_INVALID',
      `cacheTeacher: the map "${tap}" of the teacher "${id}" has values that fp16 cannot hold (above 65504, or not finite). Leave cacheTeacher out.`,
    );
  return { dtype: 'F16', shape, data: values };
}

const notKept = (cause: unknown): never => {
  throw new KdError(
    'FILE_WRITE',
    `cacheTeacher: ${messageOf(cause)} Take away what is in its way, or make room on the disk; or leave cacheTeacher out. Then go on with --resume.`,
    { cause },
  );
};

const onDevice = (
  maps: KeptMaps['maps'],
  wanted: readonly string[],
  fromHalves: Run['fromHalves'],
): Record<string, tf.Tensor4D> =>
  Object.fromEntries(
    wanted.map((name) => {
      const { data, shape } = maps[name]!;
      const map = data instanceof Uint16Array ? fromHalves!(data, shape) : tf.tensor4d(data, [...shape]);
      return [name, map as tf.Tensor4D];
    }),
  );
