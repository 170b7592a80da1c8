import { computeStep, createOptimizer, deviceBatch, disposeAll, trainedVariables, Updater } from '@kd/core';

/**
 * As the trainer's step: forward, assignment, losses, gradients, SGD. A function that runs one on a batch, always at the
 * same progress, and gives its terms by name, and how long the call for gradients took.
 * @param models student, teacher, distillers and taps
 */
export function trainingStep(models, progress) {
  const variables = trainedVariables(models.student, models.distillers);
  const updater = new Updater(variables, createOptimizer({ name: 'sgd', momentum: 0.9, weightDecay: 1e-4 }), {
    clipNorm: null,
    emaDecay: null,
  });
  const whole = { ...models, variables, seed: 0 };
  return async (batch) => {
    const { images, targets } = deviceBatch(batch);
    const start = performance.now();
    const result = computeStep(whole, images, targets, progress);
    const gradientsMs = performance.now() - start;
    updater.apply(result.gradients, 1e-4);
    const terms = await result.terms.data();
    disposeAll([
      images,
      targets.boxes,
      targets.labels,
      targets.mask,
      result.terms,
      [...result.gradients.values()],
      result.updates.map(({ value }) => value),
    ]);
    return { terms: Object.fromEntries(result.names.map((name, i) => [name, terms[i]])), gradientsMs };
  };
}
