import { remove, temporaryFolder } from '#host/files';
import { type Config, parseConfig } from '../config.js';
import type { Plan } from '../contract/plan.js';
import { type MeasuredPasses, measuredRun, measurePasses, measureSteps, shapeWatcher } from './plan-steps.js';
import { plannedRun } from './planned-run.js';
import { disposeRun, prepareRun, type Run, type RunOptions } from '../run/run.js';
import { openRunFolder } from '../run/run-folder.js';
import { RunSteps } from '../run/run-steps.js';

export interface PlanOptions extends Omit<RunOptions, 'resume' | 'command'> {
  /** Real training steps that are run; 0 builds everything and runs none. Default: 2. */
  readonly steps?: number;
  /** Passes over the data are run over the first images of the training data. Default: 16. */
  readonly passImages?: number;
  /** How far the pass of a distiller is. */
  readonly onPass?: (id: string, done: number, of: number) => void;
}

/**
 * What a config would train, without training it: builds what {@link Trainer} builds, and runs its first steps. Nothing
 * that it writes stays: passes get a temporary
 * folder, which is removed.
 * @throws KdError what the trainer would throw up to there; the signal's reason when it stops the plan
 */
export async function planRun(config: Config, options: PlanOptions): Promise<Plan> {
  const parsed = parseConfig(config, 'the config');
  let folder: string | undefined;
  try {
    const run = await prepareRun(parsed, options, async () =>
      openRunFolder((folder = await temporaryFolder('kd-plan-'))),
    );
    try {
      return await planOf(run, options);
    } finally {
      await disposeRun(run);
    }
  } finally {
    if (folder !== undefined) await remove(folder);
  }
}

async function planOf(run: Run, { steps: count = 2, passImages = 16, onPass }: PlanOptions): Promise<Plan> {
  const { shapes, watchers } = shapeWatcher(run);
  const steps = new RunSteps(run, watchers);
  try {
    const passes: MeasuredPasses =
      count > 0 ? await measurePasses(run, steps, { images: passImages, onPass }) : new Map();
    const rows = await measureSteps(run, steps, count);
    return {
      ...(await plannedRun(run, steps, { shapes, passes })),
      measured: rows.length === 0 ? null : measuredRun(steps, rows),
    };
  } finally {
    await steps.close();
  }
}
