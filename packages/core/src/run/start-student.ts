import { exists } from '#host/files';
import { resolve } from '#host/paths';
import type { BackboneName } from '../contract/checkpoint.js';
import type { DetectorDefinition } from '../contract/detector.js';
import type { Use } from '../define.js';
import { KdError, suggestion } from '../errors.js';
import { describeLoad, fitsWhole, type LoadReport } from '../load-report.js';
import type { Logger } from '../logger.js';
import { loadMatching, onlyBackbone } from '../variables.js';
import type { BuiltDetector, TrainerPorts } from './build.js';
import { readModel, type WeightsEntry, weightsFor, weightsOptions, weightsPath } from './checkpoints.js';
import { tellStoredSettings } from './stored-settings.js';

/** What stands for published weights of the student's backbone, where a path would stand. */
const PRETRAINED = 'pretrained';

/**
 * Puts the weights that the config names by `init` into the student, as far as they fit, and tells it.
 * @returns whether more than its backbone was there, so that it is a trained detector
 * @throws KdError where they cannot be had, or nothing of them fits
 */
export async function startStudent(
  student: BuiltDetector,
  use: Use<DetectorDefinition>,
  init: WeightsEntry,
  { folder, format, logger }: Pick<TrainerPorts, 'format'> & { readonly folder: string; readonly logger: Logger },
): Promise<boolean> {
  const meant = weightsOptions(init);
  const path = init === PRETRAINED ? await pretrained(student, format, logger) : resolve(folder, weightsPath(init));
  const near = suggestion(weightsPath(init), [PRETRAINED]);
  if (near !== '' && init !== PRETRAINED && !exists(path))
    throw new KdError('CHECKPOINT_INVALID', `init: ${path} does not exist; ${near}`);
  const model = await readModel(path, format, meant);
  tellStoredSettings(use, model, logger);
  const { tensors, foreign } = weightsFor(student.detector, model, format, meant);
  const report = loadMatching(student.detector, tensors, model.file, foreign);
  const backboneAlone = isWholeBackbone(report, init === PRETRAINED);
  if (backboneAlone)
    logger.info(
      `init: the backbone starts from ${model.file} (${report.applied.length} tensors${unread(report)}), neck and head from their initial values.`,
    );
  else if (!fitsWhole(report))
    logger.warn(
      `init: ${model.file} does not match the student everywhere: ${describeLoad(report).join('; ')}; the rest starts from its initial values.`,
    );
  return !backboneAlone;
}

/** The file of published weights for the student's backbone. */
function pretrained({ spec }: BuiltDetector, { pretrained: fetch }: TrainerPorts['format'], logger: Logger) {
  if (fetch === undefined)
    throw new KdError(
      'USAGE',
      "init: 'pretrained' needs a format of checkpoints that knows published weights, such as safetensorsFormat of @kd/weights.",
    );
  return fetch(backboneName(spec.options), (line) => logger.info(line));
}

/** The backbone as a file names it, `'name'` or `['name', { options }]`. */
function backboneName(options: unknown): BackboneName | null {
  const { backbone } = (options ?? {}) as { readonly backbone?: unknown };
  const [name, own = {}] = [backbone].flat();
  return typeof name === 'string' ? { name, options: own as BackboneName['options'] } : null;
}

/**
 * All of a backbone, and nothing that the student does without: of a file that is known to be for it, layers above the
 * last stage that the detector reads.
 */
const isWholeBackbone = (report: LoadReport, known: boolean): boolean =>
  report.missing.length > 0 && (known || report.unused.length === 0) && onlyBackbone(report);

const unread = ({ unused }: LoadReport): string =>
  unused.length === 0 ? '' : `; ${unused.length} are of layers above the last stage that is read`;
