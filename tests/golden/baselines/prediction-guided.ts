import { applyAdapter } from '@kd/core';
import { pfiLoss, richnessLoss, type ScoredMaps } from '@kd/plugin-prediction-guided';
import { oneOf } from '../support/index.js';
import { adapters, type BaselineCase, type Inputs, levels, type Method } from './method.js';

/** Maps of the student behind their adapters, of the teacher, and the scores of both. */
function scored(inputs: Inputs, one: BaselineCase): ScoredMaps[] {
  const [teachers, own, taught] = ['t', 'cls_s', 'cls_t'].map((prefix) => levels(inputs, prefix)) as [
    ReturnType<typeof levels>,
    ReturnType<typeof levels>,
    ReturnType<typeof levels>,
  ];
  const adapter = adapters(inputs, one);
  return levels(inputs, 's').map((map, i) => ({
    student: adapter[i] ? applyAdapter(map, adapter[i]) : map,
    teacher: teachers[i]!,
    studentScores: own[i]!,
    teacherScores: taught[i]!,
  }));
}

export const predictionGuidedMethods: Readonly<Record<string, Method>> = {
  frs: (inputs, one) => ({ ...richnessLoss(scored(inputs, one)) }),

  pfi: (inputs, one) => ({
    pfi: pfiLoss(scored(inputs, one), {
      form: oneOf('form', one.config['form'], ['product', 'squared']),
      detachPrediction: oneOf('detachPrediction', one.config['detachPrediction'], [true, false]),
    }),
  }),
};
