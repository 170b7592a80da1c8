import { type Config, defineConfig } from '@kd/core';
import { prototype } from '@kd/plugin-prototype';
import * as tf from '@tensorflow/tfjs-core';
import { type Kind, kept, student, training } from './models.js';
import { noisyLabels, reliabilityLog } from './noisy-labels.js';

/**
 * KD_KIND: retinanet or faster-rcnn; KD_TEACHER: another teacher, a run folder or weights; KD_NOISE=0.2: the share of
 * training boxes that are spoilt.
 */
const { KD_KIND = 'retinanet', KD_METHOD = 'all', KD_TEACHER, KD_NOISE } = process.env;

const only = (name: 'global' | 'feature' | 'response') =>
  prototype({ weights: { global: 0, feature: 0, response: 0, [name]: { global: 5, feature: 1, response: 1 }[name] } });

/** What each KD_METHOD adds to the student. */
const methods: Readonly<Record<string, Config['distillers']>> = {
  alone: [],
  all: [prototype()],
  global: [only('global')],
  feature: [only('feature')],
  response: [only('response')],
  k5: [prototype({ count: 5 })],
  k20: [prototype({ count: 20 })],
  refresh3: [prototype({ every: 3 })],
  kmeans: [prototype({ select: 'kmeans' })],
  // CrossKD beside prototypes on one student: of Faster R-CNN the second stage, with these variants.
  crosskd: ['crosskd'],
  'crosskd-aligned': [['crosskd', { align: true }]],
  'crosskd-half': [['crosskd', { i: 1, align: true }]],
  'crosskd-rpn': [['crosskd', { rpn: {} }]],
  'crosskd-rpn-alone': [['crosskd', { rpn: {}, weights: { cls: 0, reg: 0 } }]],
  unweighted: [prototype({ reliability: ({ student: cosines }) => tf.ones([cosines.shape[0]]) })],
};
const distillers = methods[KD_METHOD];
if (distillers === undefined)
  throw new Error(`KD_METHOD is ${KD_METHOD}; it must be one of ${Object.keys(methods).join(', ')}.`);

const kind = KD_KIND as Kind;
const noise = KD_NOISE === undefined ? undefined : noisyLabels(Number(KD_NOISE));
export default defineConfig({
  ...training,
  ...(noise && { data: { ...training.data, train: noise.train } }),
  student: student(kind),
  ...(distillers.length > 0 && {
    teacher: KD_TEACHER === undefined ? kept(kind) : { weights: KD_TEACHER },
    distillers: noise && KD_METHOD === 'all' ? [...distillers, reliabilityLog(noise)] : distillers,
  }),
  epochs: 12,
});
