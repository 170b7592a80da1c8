import {
  computeStep,
  consoleLogger as logger,
  createOptimizer,
  deviceBatch,
  disposeAll,
  trainedVariables,
  Updater,
} from '@kd/core';
import { CompiledStep } from '../../packages/core/dist/step/compiled-step.js';

/**
 * As the trainer's step: forward, assignment, losses, gradients, SGD. A function that runs one on a batch, always at the
 * same progress, and gives its terms by name, and how long the call for gradients took.
 * Compiled, as the trainer does it; KD_BENCH_COMPILE=false runs it op by op; KD_BENCH_PRECISION: teacher has
 * the teacher in fewer bits, those that the device multiplies, mixed all of the step (its loss is not scaled here).
 * @param models student, teacher, distillers and taps @param watcher of the compiled gradients, of a profiler
 */
export function trainingStep(models, progress, engine, watcher) {
  const compile = process.env.KD_BENCH_COMPILE === 'false' ? undefined : engine?.compile;
  const variables = trainedVariables(models.student, models.distillers);
  const updater = new Updater(variables, createOptimizer({ name: 'sgd', momentum: 0.9, weightDecay: 1e-4 }), {
    clipNorm: null,
    emaDecay: null,
    ...(compile && { compile: (name, fn) => compile(fn, { name, logger, inPlace: true }) }),
  });
  const whole = { ...models, variables, seed: 0 };
  const floats = engine?.capabilities().precision.find((one) => one !== 'float32');
  const aroundIf = (precision) =>
    process.env.KD_BENCH_PRECISION === precision ? (run) => engine.inPrecision(floats, run) : undefined;
  const compiled =
    compile &&
    new CompiledStep({ ...whole, aroundTeachers: aroundIf('teacher') }, compile, {
      logger,
      around: aroundIf('mixed'),
      ...(watcher && { watcher }),
    });
  return async (batch) => {
    const { images, targets } = deviceBatch(batch);
    const start = performance.now();
    const graph = compiled?.run(images, targets, progress) ?? null;
    const result = graph ?? computeStep(whole, images, targets, progress);
    const gradientsMs = performance.now() - start;
    updater.apply(result.gradients, 1e-4);
    const terms = await result.terms.data();
    disposeAll([
      images,
      targets,
      result.terms,
      [...result.gradients.values()],
      result.updates.map(({ value }) => value),
    ]);
    return {
      terms: Object.fromEntries(result.names.map((name, i) => [name, terms[i]])),
      gradientsMs,
      compiled: graph !== null,
    };
  };
}
