// The recipe of the paper: prototypes teach a student that was trained before, here by the same steps alone. All
// variants but the first start from it, and one goes on alone.
import { type Config, defineStudy, type StudyVariant } from '@kd/core';
import { type PrototypeInput, prototype } from '@kd/plugin-prototype';
import { split } from '../common.js';
import { type Kind, kept, student, training } from './models.js';

export const taught = (options: PrototypeInput = {}): StudyVariant => ({
  init: 'first',
  distillers: [prototype(options)],
});

/** All losses with prototypes that are chosen otherwise than by the paper: the comparisons of its table 6. */
export const otherSelections: Readonly<Record<string, StudyVariant>> = {
  kmeans: taught({ select: 'kmeans' }),
  dbscan: taught({ select: 'dbscan' }),
  random: taught({ select: 'random' }),
  ambiguous: taught({ candidates: 'sparse' }),
};

export const twoParts = (
  kind: Kind,
  more: Readonly<Record<string, StudyVariant>>,
  data: Partial<Config['data']> = {},
) =>
  defineStudy({
    student: {
      ...training,
      data: { ...training.data, ...data },
      student: student(kind),
      teacher: kept(kind),
      epochs: 12,
    },
    variants: { first: {}, alone: { init: 'first' }, all: taught(), ...more },
    base: 'alone',
    test: split('test'),
  });
