// Trains the teachers and students of GFL, FCOS and RetinaNet, one after the other, and goes on where it was stopped.
// GFL alone, with CrossKD and with CrossKD and PKD has three seeds; everything else one.
//
//   KD_DATA=/path/to/bccd node examples/bccd/dense/queue.mjs [--out runs/bccd-dense]
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { trainOnce } from '../train-once.mjs';

const { values } = parseArgs({ options: { out: { type: 'string', default: 'runs/bccd-dense' } } });
const folder = (name) => join(values.out, name);

const teacher = (kind) =>
  trainOnce('examples/bccd/dense/teacher.config.ts', folder(`${kind}-teacher`), { KD_SEED: '0', KD_KIND: kind });
const student = (kind, method, seed = '0', from = kind) =>
  trainOnce(
    'examples/bccd/dense/student.config.ts',
    folder(`${kind}-${method}${from === kind ? '' : `-from-${from}`}-${seed}`),
    {
      KD_SEED: seed,
      KD_KIND: kind,
      KD_METHOD: method,
      KD_TEACHER: resolve(folder(`${from}-teacher`)),
    },
  );

teacher('gfl');
for (const seed of ['0', '1', '2']) for (const method of ['alone', 'crosskd', 'both']) student('gfl', method, seed);
student('gfl', 'pkd');
for (const kind of ['retinanet', 'fcos']) {
  teacher(kind);
  for (const method of ['alone', 'crosskd']) student(kind, method);
  if (kind === 'retinanet') student('gfl', 'crosskd', '0', 'retinanet');
}
