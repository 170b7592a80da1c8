import { messageOf } from '@kd/core';
import type { FeatureMaps, OrWhy, ReportParts, RunRecord } from '@kd/report/page';
import { featureMapsOf } from './feature-maps.js';
import { findingsOf } from './findings.js';
import { openStudent, openTeachers, type ShownModel } from './models.js';
import { type ShownImage, shownImages, sideBySideOf } from './side-by-side.js';
import { type Validated, validated } from './validated.js';

/** Of one run; of several, fewer of each. */
const ERRORS = 6;
const IMAGES = 6;
/** Runs whose pictures are shown. */
const PICTURED = 4;

export const NO_IMAGES = 'Left out by --no-images.';

const whyNot = (place: number, images: boolean): string[] => {
  if (!images) return [NO_IMAGES];
  return place < PICTURED ? [] : [`Pictures are shown of the first ${PICTURED} runs.`];
};

/** All that a page shows of runs; what cannot be shown says why. */
export async function reportParts(
  runs: readonly RunRecord[],
  { images, models }: { readonly images: boolean; readonly models: boolean },
): Promise<Omit<ReportParts, 'title'>> {
  const looked: OrWhy<Validated>[] = [];
  for (const run of runs) looked.push(await validated(run, { models }));
  const most = images ? Math.max(2, Math.floor(ERRORS / Math.min(runs.length, PICTURED))) : 0;
  const findings = await Promise.all(
    looked.map(async ({ value, why }, i) =>
      value === undefined
        ? { why }
        : {
            value: await findingsOf(value, i < PICTURED ? most : 0, [
              ...(value.note === null ? [] : [value.note]),
              ...whyNot(i, images),
            ]),
          },
    ),
  );
  const seen = looked.flatMap(({ value }) => (value === undefined ? [] : [value])).slice(0, PICTURED);
  return { runs, findings, ...(await pictures(seen, looked[0]?.why, { images, models })) };
}

type Pictures = Pick<ReportParts, 'sideBySide' | 'notes' | 'featureMaps'>;

async function pictures(
  seen: readonly Validated[],
  why: string | undefined,
  { images, models }: { readonly images: boolean; readonly models: boolean },
): Promise<Pictures> {
  const none = (reason: string): Pictures => ({
    sideBySide: { why: reason },
    notes: [],
    featureMaps: [{ why: reason }],
  });
  if (!images) return none(NO_IMAGES);
  if (seen.length === 0) return none(why ?? 'There are no detections to show.');
  let shown: readonly ShownImage[];
  try {
    shown = await shownImages(seen, IMAGES);
  } catch (error) {
    return none(`The images cannot be read: ${messageOf(error)}`);
  }
  if (shown.length === 0) return none('The runs have no validation image in common.');
  if (!models)
    return {
      sideBySide: { value: await sideBySideOf(shown, seen, []) },
      notes: ['The teacher is not shown: kd report opens it.'],
      featureMaps: [{ why: 'Models are not opened at the end of a training; kd report shows their features.' }],
    };
  const taught = seen.find(({ run }) => hasTeacher(run)) ?? seen[0]!;
  const teachers = await openTeachers(taught.run, taught.dataset.categories);
  try {
    return await withTeachers(shown, seen, taught, teachers);
  } finally {
    for (const { value } of teachers) await value?.dispose();
  }
}

const hasTeacher = ({ config }: RunRecord): boolean =>
  (config['teacher'] ?? null) !== null || (config['teachers'] ?? null) !== null;

async function withTeachers(
  shown: readonly ShownImage[],
  seen: readonly Validated[],
  { run }: Validated,
  teachers: readonly OrWhy<ShownModel>[],
): Promise<Pictures> {
  const opened = teachers.flatMap(({ value }) => value ?? []);
  const sideBySide = await sideBySideOf(shown, seen, opened).then(
    (value): OrWhy<typeof value> => ({ value }),
    (error: unknown) => ({ why: messageOf(error) }),
  );
  const whyNone = teachers.flatMap(({ why }) => why ?? []);
  const notes = [
    ...whyNone,
    ...(teachers.length === 0 ? [`${run.name} had no teacher.`] : []),
    ...opened
      .filter(({ detector }) => detector === null)
      .map(({ name }) => `The ${name} of ${run.name} gives features alone and no boxes; its maps are shown below.`),
  ];
  if (opened.length === 0)
    return {
      sideBySide,
      notes,
      featureMaps: [{ why: `${notes.join(' ')} There is nothing to compare features with.` }],
    };
  const student = await openStudent(run);
  if (student.value === undefined) return { sideBySide, notes, featureMaps: [{ why: student.why }] };
  const featureMaps: OrWhy<FeatureMaps>[] = whyNone.map((why) => ({ why }));
  try {
    for (const teacher of opened)
      featureMaps.push(
        await featureMapsOf(run.name, shown, { teacher, student: student.value }).catch((error: unknown) => ({
          why: messageOf(error),
        })),
      );
    return { sideBySide, notes, featureMaps };
  } finally {
    await student.value.dispose();
  }
}
