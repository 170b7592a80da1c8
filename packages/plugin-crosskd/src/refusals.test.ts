import '@tensorflow/tfjs-backend-cpu';
import type { Detector, StagedHead } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CrossKdInput } from './index.js';
import { detector, type Kind, type Made, run, stage } from '../test/stage.js';

beforeAll(() => tf.setBackend('cpu'));

describe('crosskd refuses before the first step', () => {
  const taught = detector({ seed: 2 });
  const without = (made: Made, key: keyof Made): Detector => ({ ...made, [key]: undefined }) as unknown as Detector;

  it.each<[string, () => unknown, RegExp]>([
    [
      'i beyond a tower',
      () => stage(detector({ depth: 4 }), taught, { i: 4 }),
      /i is 4, but the towers have student cls 4, student reg 4, teacher cls 3, .*at most 3/,
    ],
    [
      'no class in common',
      () => stage(detector({ classes: ['v', 'z'] }), taught),
      /teacher and student have no class in common: the teacher has x, y, the student's data v, z/,
    ],
    [
      'another number of priors',
      () => stage(detector({ priors: 3 }), taught),
      /priorsPerCell of the student 3, of the teacher 1.*coding: "teacher"/,
    ],
    [
      'other priors and coder',
      () => stage({ ...detector(), dense: { ...taught.dense, coding: { std: 0.1 } } }, taught),
      /coding of the student \{"std":0.1\}/,
    ],
    [
      'other bins',
      () => stage(detector({ boxes: 'distribution', bins: 5 }), detector({ boxes: 'distribution', bins: 17 })),
      /bins of the student 5, of the teacher 17/,
    ],
    [
      'a level that the teacher lacks',
      () => stage(detector({ strides: [8, 16, 32] }), detector({ strides: [8, 16] }), { coding: 'teacher' }),
      /strides without a partner: neck@p5/,
    ],
    [
      'other strides',
      () => stage(detector({ strides: [8, 16] }), detector({ strides: [16, 32] }), { coding: 'teacher' }),
      /strides without a partner/,
    ],
    [
      'another width',
      () => stage(detector({ width: 6 }), taught),
      /level p3 behind 3 blocks of the cls branch: the student has 6 channels, the teacher 4\. Set adapter: 'conv1x1'/,
    ],
    [
      'a detector without a staged head',
      () => stage(without(detector(), 'head'), taught),
      /the student \(a\) lacks a staged head/,
    ],
    [
      'a detector without dense info',
      () => stage(detector(), without(taught, 'dense')),
      /the teacher \(a\) lacks to say how its maps are read/,
    ],
    [
      'a head that cannot show a block before its ReLU',
      () =>
        stage(
          { ...detector(), head: { ...detector().head, preActivation: undefined } as unknown as StagedHead },
          taught,
          { tap: 'pre' },
        ),
      /tap "pre".*the head of the student/,
    ],
    [
      'a factor of a centerness that the teacher lacks',
      () => stage(detector(), taught, { weights: { ctr: 1 } }),
      /weights\.ctr is of teachers with anchors and a centerness \(the teacher is a\)\. Leave it out/,
    ],
    [
      'a factor of a centerness of points, which the reference leaves alone',
      () => {
        const points: Kind = { boxes: 'distance', centerness: true };
        return stage(detector(points), detector(points), { weights: { ctr: 1 } });
      },
      /weights\.ctr is of teachers with anchors and a centerness/,
    ],
    [
      'a temperature where boxes are no distributions',
      () => stage(detector(), taught, { temperature: 2 }),
      /temperature is of teachers whose boxes are distributions \(the teacher is a\)\. Leave it out/,
    ],
    ['options that do not exist', () => stage(detector(), taught, { wieghts: {} } as CrossKdInput), /wieghts/],
    ['a factor below 0', () => stage(detector(), taught, { weights: { cls: -1 } }), /weights\.cls/],
  ])('%s', (_, act, message) => {
    expect(act).toThrow(message);
  });

  it('takes what is of use: of an objectness, of distributions, and what changes nothing', () => {
    const sure: Kind = { centerness: true };
    const sides: Kind = { boxes: 'distribution', bins: 5 };
    expect(() => stage(detector(sure), detector(sure), { weights: { ctr: 2 } })).not.toThrow();
    expect(() => stage(detector(sides), detector(sides), { temperature: 2 })).not.toThrow();
    expect(() => stage(detector(), taught, { weights: { ctr: 0 }, temperature: 1 })).not.toThrow();
  });

  it.each<[Kind, CrossKdInput]>([
    [{ classes: ['v', 'z'] }, {}],
    [{ priors: 3 }, {}],
    [{ depth: 1 }, { i: 2 }],
    [{ width: 6 }, {}],
  ])('under the id that it has in the run', (kind, options) => {
    expect(() => stage(detector(kind), taught, options, 'deep')).toThrow(/^deep: /);
  });

  it('takes teachers of other classes: those of one name, in any order', () => {
    const teacher = detector({ seed: 2 });
    const all = run(detector(), teacher);
    for (const [name, value] of Object.entries(run(detector({ classes: ['y', 'x'] }), teacher)))
      expect(value, name).toBeCloseTo(all[name]!, 5);
    const some = run(detector({ classes: ['x', 'z'] }), teacher);
    expect(some).not.toEqual(all);
    expect(Object.keys(some)).toEqual(Object.keys(all));
  });

  it('takes the depth of the shallower head where i is not given', () => {
    // i = 2: a cut behind both of the student's blocks, so that an explicit 2 gives the same.
    const [student, teacher] = [detector({ depth: 2 }), detector({ depth: 5, seed: 2 })];
    expect(run(student, teacher)).toEqual(run(student, teacher, { i: 2 }));
    expect(run(student, teacher)).not.toEqual(run(student, teacher, { i: 1 }));
  });
});
