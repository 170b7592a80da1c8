import * as tf from '@tensorflow/tfjs-core';
import type { ForeignWeights, HostTensor, NamedTensors } from './contract/checkpoint.js';
import type { Detector } from './contract/detector.js';
import type { OptimizerGroup } from './plugins/optimizer-group.js';
import type { Distiller } from './plugins/plugin-host.js';
import { KdError } from './errors.js';
import { checkFinite } from './finite.js';
import { hostFloats } from './host-floats.js';
import { describeLoad, fitsWhole, type LoadReport, loadReport } from './load-report.js';

/** A variable that the optimiser moves. */
export interface TrainedVariable {
  /** `student/<path>` or `plugin/<id>/<name>` */
  readonly path: string;
  readonly variable: tf.Variable;
  /** Factor of the learning rate. */
  readonly lr: number;
  /** Decay of its own, else the optimiser's. */
  readonly weightDecay: number | undefined;
  /** The optimiser that moves it instead of the run's; shared by the variables of a group. */
  readonly group?: OptimizerGroup | undefined;
}

/** Trainable variables of the student and the plugins, in a fixed order. */
export function trainedVariables(student: Detector, distillers: readonly Distiller[]): TrainedVariable[] {
  const own = student.variables
    .filter(({ trainable }) => trainable)
    .map(({ path, variable }) => ({ path: `student/${path}`, variable, lr: 1, weightDecay: undefined }));
  const theirs = distillers.flatMap(({ variables }) =>
    variables
      .filter(({ trainable }) => trainable)
      .map(({ path, variable, lr, weightDecay, group }) => ({
        path: `plugin/${path}`,
        variable,
        lr: lr ?? 1,
        weightDecay,
        group,
      })),
  );
  return [...own, ...theirs];
}

/** A float32 or int32 tensor as a host tensor. */
export async function toHost(tensor: tf.Tensor): Promise<HostTensor> {
  const data = await tensor.data();
  if (data instanceof Float32Array) return { dtype: 'F32', shape: tensor.shape, data };
  if (data instanceof Int32Array) return { dtype: 'I32', shape: tensor.shape, data };
  return { dtype: 'BOOL', shape: tensor.shape, data };
}

/** Puts a value of the same shape into a variable. */
export function assignHost(variable: tf.Variable, value: HostTensor): void {
  const tensor = tf.tensor(
    variable.dtype === 'int32' ? Int32Array.from(hostFloats(value)) : hostFloats(value),
    variable.shape,
    variable.dtype,
  );
  variable.assign(tensor);
  tensor.dispose();
}

/** The variables of a detector by path. */
export const wantedBy = (detector: Detector): ReadonlyMap<string, tf.Variable> =>
  new Map(detector.variables.map(({ path, variable }) => [path, variable]));

/**
 * Loads named tensors into a detector, all of them into all of its variables.
 * @param where the file, for errors
 * @param foreign what is known of a file of another program
 * @throws KdError CHECKPOINT_INVALID telling what is missing, not used or of another shape
 */
export function loadDetector(
  detector: Detector,
  tensors: NamedTensors,
  where: string,
  foreign: ForeignWeights | null = null,
): void {
  const report = reportOn(detector, tensors, foreign);
  if (!fitsWhole(report)) {
    throw new KdError('CHECKPOINT_INVALID', [
      `${where} does not hold the weights of this ${detector.name}:`,
      ...describeLoad(report).map((line) => `  ${line}`),
      adviceOn(report),
    ]);
  }
  assignAll(detector, report.applied, tensors, where);
}

function adviceOn(report: LoadReport): string {
  const { classes, missing, unused, mismatched } = report;
  const onlyClasses = classes !== null && missing.length + unused.length + mismatched.length === classes.paths.length;
  return onlyClasses
    ? 'Give it data with the classes that the checkpoint was trained on; as `init` of a student all but these layers is taken.'
    : onlyBackbone(report)
      ? 'It holds a backbone alone: as `init` of a student it is a start, to detect it lacks the rest.'
      : 'Give the options with which the checkpoint was trained; what does not fit at all is of another model.';
}

/** A classifier's weights: all of the backbone, and nothing of neck and head. */
export const onlyBackbone = ({ applied, missing, mismatched }: LoadReport): boolean =>
  mismatched.length === 0 && applied.every(isOfBackbone) && !missing.some(isOfBackbone);

const isOfBackbone = (path: string): boolean => path.startsWith('backbone.body.');

/**
 * Sets the variables that fit by name and shape and leaves the others as they are: a detector from a backbone, or from
 * another list of classes.
 * @returns what fitted and what did not
 * @throws KdError CHECKPOINT_INVALID when nothing fits
 */
export function loadMatching(
  detector: Detector,
  tensors: NamedTensors,
  where: string,
  foreign: ForeignWeights | null = null,
): LoadReport {
  const report = reportOn(detector, tensors, foreign);
  if (report.applied.length === 0)
    throw new KdError('CHECKPOINT_INVALID', [
      `${where} holds nothing that fits this ${detector.name}:`,
      ...describeLoad(report).map((line) => `  ${line}`),
      'Take weights of this detector or of its backbone; where only the names differ, give them by `rename`.',
    ]);
  assignAll(detector, report.applied, tensors, where);
  return report;
}

const reportOn = (detector: Detector, tensors: NamedTensors, foreign: ForeignWeights | null): LoadReport =>
  loadReport(tensors, wantedBy(detector), { detector: detector.name, classes: detector.categories.length, foreign });

/** One tensor after the other, each read twice: values of another layout are made when they are read. */
function assignAll(detector: Detector, paths: readonly string[], tensors: NamedTensors, where: string): void {
  checkFinite(
    paths.map((path) => [path, tensors.get(path)!]),
    where,
  );
  const variables = wantedBy(detector);
  for (const path of paths) assignHost(variables.get(path)!, tensors.get(path)!);
}
