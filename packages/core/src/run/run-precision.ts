import type { ResolvedConfig } from '../config.js';
import type { Engine, LowPrecision, PrecisionGain } from '../contract/engine.js';
import { KdError } from '../errors.js';
import type { Logger } from '../logger.js';
import { standInOf } from '../plugins/stand-in.js';
import type { InPrecision } from '../step/step-models.js';
import type { BuiltTeacher } from './teachers.js';

/** What of compiled steps is computed in fewer bits. */
export interface RunPrecision {
  readonly floats: LowPrecision;
  readonly of: 'step' | 'teachers';
  /** Measured at the start; null where the engine does not measure. */
  readonly gain: PrecisionGain | null;
  readonly run: InPrecision;
}

/**
 * What a config asks for; null for float32. One that saves nothing on this machine is warned of.
 * @throws KdError CONFIG_INVALID where it cannot be had
 */
export function runPrecision(
  { precision, compile }: Pick<ResolvedConfig, 'precision' | 'compile'>,
  engine: Engine,
  teachers: readonly Pick<BuiltTeacher, 'detector'>[],
  logger: Logger,
): RunPrecision | null {
  const of = precision === 'mixed' ? 'step' : 'teachers';
  if (precision === 'float32' || (precision !== 'mixed' && precision.teacher === 'float32')) return null;
  const asked = of === 'step' ? 'precision is "mixed"' : 'precision.teacher is "bf16"';
  const refuse = (why: string): never => {
    throw new KdError('CONFIG_INVALID', `${asked}, and ${why} Leave precision out.`);
  };
  const standIns = teachers.flatMap(({ detector }) => standInOf(detector) ?? []);
  if (of === 'teachers' && teachers.length === 0) refuse('there is no teacher.');
  if (of === 'teachers' && standIns.length === teachers.length)
    refuse('no teacher is a detector with the input of the student, which are run in the compiled step.');
  if (!compile) refuse('steps that run op by op (compile: false) compute in float32.');
  if (of === 'step' && standIns.some(({ given }) => given === undefined))
    refuse('a teacher that is a detector with an input of its own has steps run op by op, which compute in float32.');
  const { inPrecision } = engine;
  const had = engine.capabilities().precision;
  // What has the range of float32 needs no scaling of the loss.
  const wanted: readonly LowPrecision[] = of === 'step' ? ['bfloat16', 'float16'] : ['bfloat16'];
  const floats = wanted.find((one) => had.includes(one));
  if (inPrecision === undefined || floats === undefined)
    return refuse(`the engine ${engine.name} computes in float32 alone on this machine (kd doctor).`);
  const gain = engine.precisionGain?.(floats) ?? null;
  const share = gain?.[of === 'step' ? 'training' : 'forward'] ?? 0;
  if (share >= 1)
    logger.warn(
      `${asked}, but convolutions in ${floats} take ${share.toFixed(2)} of the time of float32 on this machine: leave precision out.`,
    );
  return { floats, of, gain, run: (run) => inPrecision(floats, run) };
}
