// Trains the teachers and students of the study of prototypes, one after the other, and goes on where it was stopped.
// RetinaNet alone and with all three losses has three seeds; everything else one.
//
//   KD_DATA=/path/to/bccd node examples/bccd/prototype/queue.mjs [--out runs/bccd-prototype] [--teacher
// examples/bccd/dense/retinanet-teacher.safetensors]
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { trainOnce } from '../train-once.mjs';

const { values } = parseArgs({
  options: { out: { type: 'string', default: 'runs/bccd-prototype' }, teacher: { type: 'string' } },
});
const folder = (name) => join(values.out, name);
const teachers = {
  retinanet: values.teacher ?? folder('retinanet-teacher'),
  'faster-rcnn': folder('faster-rcnn-teacher'),
};

const teacher = (kind) =>
  trainOnce('examples/bccd/prototype/teacher.config.ts', teachers[kind], { KD_SEED: '0', KD_KIND: kind });
const student = (kind, method, seed = '0', noise) =>
  trainOnce(
    'examples/bccd/prototype/student.config.ts',
    folder(`${kind === 'retinanet' ? 'retinanet' : 'fasterrcnn'}${noise ? 'noisy' : ''}-${method}-${seed}`),
    {
      KD_SEED: seed,
      KD_KIND: kind,
      KD_METHOD: method,
      KD_TEACHER: resolve(teachers[kind]),
      ...(noise && { KD_NOISE: noise }),
    },
  );

if (values.teacher === undefined) teacher('retinanet');
for (const method of ['alone', 'all']) student('retinanet', method);
for (const method of ['alone', 'all', 'unweighted']) student('retinanet', method, '0', '0.2');
for (const seed of ['1', '2']) for (const method of ['alone', 'all']) student('retinanet', method, seed);
for (const method of ['global', 'feature', 'response', 'k5', 'k20', 'refresh3', 'kmeans']) student('retinanet', method);
teacher('faster-rcnn');
for (const method of ['alone', 'all']) student('faster-rcnn', method);
