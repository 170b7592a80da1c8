import { resolve } from 'node:path';
import {
  type BuiltDetector,
  buildTeacher,
  type Category,
  consoleLogger,
  type Detector,
  isDetectorEntry,
  isObject,
  messageOf,
  resolveUse,
  type ResolvedConfig,
  type TapInfo,
  type TeacherDefinition,
  teacherEntries,
  tidy,
} from '@kd/core';
import { type HostImage, inputTransform, prepareImages } from '@kd/data';
import type { OrWhy, RunRecord } from '@kd/report/page';
import * as tf from '@tensorflow/tfjs-core';
import { engineOfRun, findModel, openModel } from '../open-model.js';
import { dataFolder, readOrigin } from '../origin.js';

/** A model whose features are shown. */
export interface ShownModel {
  readonly name: string;
  readonly taps: readonly TapInfo[];
  /** Null for one that gives features alone. */
  readonly detector: Detector | null;
  /**
   * Its maps [1, h, w, c] of an image by the names of its taps, which the caller disposes, and the size of the image in
   * its input.
   */
  maps(
    image: HostImage,
    wanted: readonly string[],
  ): Promise<{ readonly maps: Readonly<Record<string, tf.Tensor4D>>; readonly size: readonly [number, number] }>;
  dispose(): void | Promise<void>;
}

type Entry = ReturnType<typeof teacherEntries>[number][1];

/** The teachers of a run, opened again, or why one cannot be; of a run without any an empty list. */
export async function openTeachers(
  run: RunRecord,
  categories: readonly Category[],
): Promise<readonly OrWhy<ShownModel>[]> {
  const { teacher, teachers } = run.config as Pick<ResolvedConfig, 'teacher' | 'teachers'>;
  const entries = teacherEntries({
    teacher: teacher ?? undefined,
    teachers: isObject(teachers) ? teachers : undefined,
  });
  const opened: OrWhy<ShownModel>[] = [];
  for (const [id, entry] of entries) {
    const name = teacher ? 'teacher' : `teacher ${id}`;
    try {
      const open = isObject(entry) && isDetectorEntry(entry) ? detectorTeacher : featureTeacher;
      opened.push({ value: await open(name, entry, run, categories) });
    } catch (error) {
      opened.push({ why: `The ${name} of ${run.name} cannot be opened: ${messageOf(error)}` });
    }
  }
  return opened;
}

async function detectorTeacher(
  name: string,
  entry: Entry,
  run: RunRecord,
  categories: readonly Category[],
): Promise<ShownModel> {
  const { weights, detector } = entry as { readonly weights: unknown; readonly detector?: unknown };
  const [file, meant] = (Array.isArray(weights) ? weights : [weights, {}]) as [string, object];
  const path = resolve(dataFolder(await readOrigin(run.folder)), String(file));
  const found = await findModel(path, meant);
  // A file of weights alone does not say where plugins are; the run, whose teacher it was, does.
  const { pluginFolder } = found.config === null ? await findModel(run.folder) : found;
  const { built } = await openModel(
    { ...found, pluginFolder },
    {
      categories,
      ...(found.spec === null && detector !== undefined ? { detector: JSON.stringify(detector) } : {}),
    },
  );
  return shownDetector(name, built.detector);
}

/** One of another family: its record names it with its options. */
async function featureTeacher(name: string, entry: Entry, run: RunRecord): Promise<ShownModel> {
  const found = await findModel(run.folder);
  const use = await resolveUse<TeacherDefinition>(
    'teacher',
    entry as string | [string, Record<string, unknown>],
    found.pluginFolder,
    found.configFile,
  );
  const engine = await engineOfRun(found);
  await engine.start();
  const runOp = engine.runOp?.bind(engine);
  const { teacher } = await buildTeacher(use, { folder: found.folder, logger: consoleLogger, ...(runOp && { runOp }) });
  return {
    name,
    taps: teacher.taps,
    detector: null,
    maps: async (image, wanted) => {
      const images = prepareImages([{ image }], teacher.input);
      const { maps } = await teacher.forward({ ...images, ids: [0] }, wanted);
      return { maps, size: images.imageSizes[0]! };
    },
    dispose: () => teacher.dispose(),
  };
}

/** The student of a run, with the weights that `kd eval` takes. */
export async function openStudent({ folder, name }: RunRecord): Promise<OrWhy<ShownModel>> {
  try {
    const { built }: { built: BuiltDetector } = await openModel(await findModel(folder), {});
    return { value: shownDetector(name, built.detector) };
  } catch (error) {
    return { why: `${name} cannot be opened: ${messageOf(error)}` };
  }
}

const shownDetector = (name: string, detector: Detector): ShownModel => ({
  name,
  taps: detector.taps.filter((tap) => tap.name.startsWith('neck@')),
  detector,
  maps: async (image, wanted) => {
    const batch = inputTransform([{ image, id: 0 }], detector.input);
    const input = tf.tensor4d(batch.images, [...batch.shape]);
    try {
      const maps = tidy(() => detector.forward(input, { training: false, taps: [...wanted] }).taps);
      return { maps, size: batch.imageSizes[0]! };
    } finally {
      input.dispose();
    }
  },
  dispose: () => detector.dispose(),
});
