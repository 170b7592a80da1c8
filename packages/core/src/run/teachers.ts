import type { Category, InputSpec } from '../contract/data.js';
import type { Detector, DetectorContext, DetectorDefinition } from '../contract/detector.js';
import type { CheckpointFormat } from '../contract/checkpoint.js';
import type { ModelInfo } from '../contract/listener.js';
import type { Teacher, TeacherDefinition } from '../contract/teacher.js';
import type { ResolvedConfig } from '../config.js';
import type { Use } from '../define.js';
import { fingerprintOfFrozen, fingerprintOfText, setFingerprint } from '../fingerprint.js';
import type { Logger } from '../logger.js';
import { type ClassMap, matchClasses } from '../plugins/class-match.js';
import { detectorStandIn, featureStandIn } from '../plugins/stand-in.js';
import type { KnownDefinition } from './backbone-use.js';
import { definitionsOf, loadModel, resolveUse } from './build.js';
import { buildTeacher } from './build-teacher.js';
import type { WeightsEntry } from './checkpoints.js';

type Entry = NonNullable<ResolvedConfig['teacher']>;
type DetectorEntry = Extract<Entry, { readonly weights: unknown }>;

/** A teacher of a config: a detector with its weights, or one of another family. */
export type TeacherUse = { readonly id: string } & (
  | { readonly entry: DetectorEntry; readonly use: Use<DetectorDefinition> | undefined }
  | { readonly entry: null; readonly use: Use<TeacherDefinition> }
);

/** A teacher of a run. */
export interface BuiltTeacher {
  /** Its name in the run; `teacher`, where it is the only one and the config gives no name. */
  readonly id: string;
  /** What step and plugins see: the detector itself, or what stands for it. */
  readonly detector: Detector;
  readonly definition: DetectorDefinition | TeacherDefinition;
  readonly options: unknown;
  readonly info: ModelInfo;
  readonly classes?: ClassMap;
  /** Its classes are not the student's in their order. */
  readonly otherClasses?: boolean;
  /** Of another family: the teacher itself. */
  readonly foreign?: Teacher;
  /** As it stands in the record of a run. */
  readonly written: unknown;
  dispose(): void | Promise<void>;
}

/** Something of each teacher: of the only one, or by the names that the config gives them. */
export function ofTeachers<T>(
  { teachers: named }: Pick<ResolvedConfig, 'teachers'>,
  teachers: readonly (readonly [id: string, value: T])[],
): { readonly teacher: T | null; readonly teachers?: Readonly<Record<string, T>> } {
  return named === undefined
    ? { teacher: teachers[0]?.[1] ?? null }
    : { teacher: null, teachers: Object.fromEntries(teachers) };
}

/** Whether an entry of a config names a detector by its weights. */
export const isDetectorEntry = (entry: Entry): entry is DetectorEntry =>
  typeof entry === 'object' && 'weights' in entry;

/** Entries of a config that name detectors. */
export const detectorEntries = (config: ResolvedConfig) =>
  [
    config.student,
    ...teacherEntries(config).map(([, entry]) => (isDetectorEntry(entry) ? entry.detector : undefined)),
  ].filter((entry) => entry !== undefined);

/** The teachers that a config names, by their names in the run. */
export const teacherEntries = ({
  teacher,
  teachers,
}: Pick<ResolvedConfig, 'teacher' | 'teachers'>): [string, Entry][] =>
  teacher === undefined ? Object.entries(teachers ?? {}) : [['teacher', teacher]];

export const resolveTeachers = (config: ResolvedConfig, folder: string, namedBy?: string): Promise<TeacherUse[]> =>
  Promise.all(
    teacherEntries(config).map(async ([id, entry]): Promise<TeacherUse> => {
      if (!isDetectorEntry(entry))
        return { id, entry: null, use: await resolveUse<TeacherDefinition>('teacher', entry, folder, namedBy) };
      const { detector } = entry;
      return {
        id,
        entry,
        use:
          detector === undefined
            ? undefined
            : await resolveUse<DetectorDefinition>('detector', detector, folder, namedBy),
      };
    }),
  );

export const definitionsOfTeacher = ({ entry, use }: TeacherUse): readonly (KnownDefinition | TeacherDefinition)[] =>
  entry === null ? [use.definition] : use === undefined ? [] : definitionsOf(use);

export interface TeacherSettings {
  readonly format: CheckpointFormat;
  readonly folder: string;
  readonly logger: Logger;
  readonly known: readonly KnownDefinition[];
  readonly context: Omit<DetectorContext, 'categories' | 'seed'>;
  readonly categories: readonly Category[];
  /** The student's. */
  readonly input: InputSpec;
}

export async function loadTeacher({ id, entry, use }: TeacherUse, settings: TeacherSettings): Promise<BuiltTeacher> {
  if (entry === null) return foreignTeacher(id, use, settings);
  const built = await loadModel(entry.weights, { ...settings, use });
  const { detector: own, definition, spec, info } = built;
  const { options } = spec;
  const written = {
    ...entry,
    weights: entryOf(info.weights, entry.weights),
    detector: [spec.name, options],
  };
  const same = JSON.stringify(own.input) === JSON.stringify(settings.input);
  const detector = same ? own : detectorStandIn(own, settings.input).detector;
  if (!same)
    setFingerprint(detector, async () =>
      fingerprintOfText(JSON.stringify([await fingerprintOfFrozen(own), own.input])),
    );
  const { classes } = entry;
  let otherClasses: boolean;
  try {
    otherClasses = !matchClasses({ student: { categories: settings.categories }, teacher: own }, classes).same;
  } catch (error) {
    own.dispose();
    throw error;
  }
  return {
    ...{ id, detector, definition, options, info, written, otherClasses, ...(classes && { classes }) },
    dispose: () => own.dispose(),
  };
}

async function foreignTeacher(
  id: string,
  use: Use<TeacherDefinition>,
  { folder, logger, context }: TeacherSettings,
): Promise<BuiltTeacher> {
  const { runOp } = context;
  const { teacher, definition, options } = await buildTeacher(use, { folder, logger, ...(runOp && { runOp }) });
  const { detector } = featureStandIn(teacher);
  const { fingerprint, input, taps } = teacher;
  setFingerprint(detector, async () => fingerprintOfText(JSON.stringify([definition.name, fingerprint, input, taps])));
  return {
    id,
    detector,
    definition,
    options,
    info: {
      detector: teacher.name,
      parameters: teacher.parameters ?? 0,
      trainable: 0,
      weights: teacher.file ?? null,
    },
    foreign: teacher,
    written: [definition.name, options],
    dispose: () => teacher.dispose(),
  };
}

/** The file that was read, with what was meant of it. */
const entryOf = (file: string | null, given: WeightsEntry): WeightsEntry | null =>
  typeof given === 'string' || file === null ? file : [file, given[1]];
