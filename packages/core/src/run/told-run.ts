import type { RunInfo } from '../contract/listener.js';
import type { Distiller } from '../plugins/plugin-host.js';
import type { Run } from './run.js';
import { type ChangedSetting, shownSetting } from './run-settings.js';
import { ofTeachers } from './teachers.js';

/** Who takes part, as the start and the summary tell it. */
export const modelsOf = ({
  config,
  student,
  teachers,
  inherited,
  distillers,
}: Run): Pick<RunInfo, 'student' | 'teacher' | 'teachers' | 'inherited' | 'distillers'> => ({
  student: student.info,
  ...ofTeachers(
    config,
    teachers.map(({ id, info }) => [id, info]),
  ),
  ...(inherited.length > 0 && { inherited }),
  distillers: distillers.map(({ id }) => id),
});

export const toldChanges = (changed: readonly ChangedSetting[]): string =>
  changed.map(({ key, was, is }) => `${key} ${shownSetting(was)}, now ${shownSetting(is)}`).join('; ');

type Saved = { readonly step: number; readonly file: string } | null;

const newest = (saved: Saved): string =>
  saved === null
    ? 'There is no checkpoint from before it.'
    : `${saved.file} is the newest checkpoint, of step ${saved.step}: once the cause of the error below is gone, go on with --resume.`;

/** Where a run goes on whose update failed. */
export const toldHalfUpdate = (saved: Saved, step: number): string =>
  `the update of step ${step} failed and may have changed a part of the weights, which are not kept. ${newest(saved)}`;

/**
 * Where a run goes on whose last steps are lost.
 * @param why empty where the error itself says it
 */
export const toldUnsaved = (saved: Saved, step: number, why: string): string =>
  `no checkpoint of step ${step} could be written after the error below${why === '' ? '' : ` (${why})`}. ${newest(saved)}`;

/**
 * What a checkpoint after an error holds.
 * @param touched whose state may hold a part of the step after those that are done
 */
export function toldRescue(saved: NonNullable<Saved>, done: number, touched: readonly Distiller[]): string {
  if (saved.step < done)
    return `${saved.file} holds ${saved.step} of the ${done} steps done before the error below: the others were on the device alone. Go on with --resume, here once the cause is gone or on another engine.`;
  const but =
    touched.length === 0
      ? ''
      : ` But the state of ${touched.map(({ id }) => id).join(', ')} may hold a part of step ${done + 1}.`;
  return `${saved.file} holds all ${done} steps done before the error below; once its cause is gone, go on with --resume.${but}`;
}
