import type { Config, Study } from '@kd/core';
import { parseConfig, parseStudy } from '@kd/core';
import { expect, test } from 'vitest';
import type { LoadedStudy } from './loaded-study.js';
import { checkSameTerms } from './same-terms.js';
import { studyRuns } from './study-runs.js';

const student: Config = {
  student: 'retinanet',
  data: { train: { format: 'coco', annotations: 'train.json' }, val: { format: 'coco', annotations: 'val.json' } },
  epochs: 12,
  optimizer: { name: 'adamw', lr: 0.001 },
};
const loaded = (study: Omit<Study, 'student'>): LoadedStudy => ({
  file: '/somewhere/a.study.ts',
  name: 'a',
  study: parseStudy({ student, ...study }, 'a.study.ts'),
  student: { config: student, file: '/somewhere/a.study.ts', folder: '/somewhere' },
  teachers: new Map(
    Object.keys(study.teachers ?? {}).map((name) => [
      name,
      { config: { ...student, seed: 5 }, file: `/somewhere/${name}.ts`, folder: '/somewhere' },
    ]),
  ),
});
const runsOf = (study: Omit<Study, 'student'>) => studyRuns(loaded(study), 'out');

test('teachers first, then seed after seed; variants are laid over the student', () => {
  const runs = runsOf({
    teachers: { big: 'big.ts' },
    variants: {
      more: { init: 'alone', optimizer: { lr: 0.1 } },
      alone: {},
      ssim: { distillers: ['ssim'], data: { augment: [{ name: 'flip' }] } },
    },
    seeds: [3, 0],
  });
  expect(runs.map(({ name, needs }) => [name, needs])).toEqual([
    ['teacher-big', []],
    ['alone-3', []],
    ['more-3', ['alone-3']],
    ['ssim-3', ['teacher-big']],
    ['alone-0', []],
    ['more-0', ['alone-0']],
    ['ssim-0', ['teacher-big']],
  ]);
  const config = Object.fromEntries(runs.map((run) => [run.name, run.config]));
  expect(config['alone-3']).toEqual({ ...student, seed: 3 });
  expect(config['more-3']).toMatchObject({ init: 'out/alone-3', optimizer: { name: 'adamw', lr: 0.1 }, seed: 3 });
  expect(config['ssim-0']).toMatchObject({
    teacher: { weights: 'out/teacher-big' },
    data: { ...student.data, augment: [{ name: 'flip' }] },
  });
  expect(config['teacher-big']).toMatchObject({ seed: 5 });
});

test('a variant may learn from a teacher by name, from another variant, or from weights', () => {
  const runs = runsOf({
    teachers: { big: 'big.ts', small: 'small.ts' },
    variants: {
      alone: {},
      big: { distillers: ['ssim'], teacher: 'big' },
      self: { distillers: ['ssim'], teacher: 'alone' },
      both: { distillers: ['ssim'], teachers: { a: 'small', b: { weights: 'w.pth' } } },
      file: { distillers: ['ssim'], teacher: { weights: 'w.pth' } },
    },
    seeds: [0],
  });
  const of = (name: string) => runs.find((run) => run.name === name)!;
  expect(of('big-0').config.teacher).toEqual({ weights: 'out/teacher-big' });
  expect(of('self-0')).toMatchObject({ needs: ['alone-0'], config: { teacher: { weights: 'out/alone-0' } } });
  expect(of('both-0').config.teachers).toEqual({ a: { weights: 'out/teacher-small' }, b: { weights: 'w.pth' } });
  expect(of('file-0')).toMatchObject({ needs: [], config: { teacher: { weights: 'w.pth' } } });
});

test.each<[string, Omit<Study, 'student'>, RegExp]>([
  ['no variants', { variants: {} }, /variants: must name at least one variant/],
  ['a seed twice', { variants: { alone: {} }, seeds: [1, 1] }, /seeds: must hold each seed once/],
  ['no seed', { variants: { alone: {} }, seeds: [] }, /seeds: must hold at least one seed/],
  ['a name that is a path', { variants: { '../x': {} } }, /a name has letters, digits, - and _/],
  ['a base that is no variant', { variants: { alone: {} }, base: 'none' }, /no variant "none"; there are alone/],
  ['a seed in a variant', { variants: { alone: { seed: 3 } } }, /variants\.alone\.seed: seeds are those of the study/],
  ['variants from each other', { variants: { a: { init: 'b' }, b: { init: 'a' } } }, /a from b from a/],
  [
    'several teachers and none named',
    { variants: { alone: {}, ssim: { distillers: ['ssim'] } }, teachers: { big: 'b.ts', small: 's.ts' } },
    /variants\.ssim: has distillers, and the study several teachers; say which with teacher: 'big' or 'small'/,
  ],
  ['a misspelt key', { varaints: {} } as never, /varaints: there is no such option; did you mean "variants"/],
  ['what cannot be laid over', { variants: { a: { student: { depth: 2 } } } } as never, /variants\.a\.student\.depth/],
  ['a name too long for a folder', { variants: { ['x'.repeat(300)]: {} } }, /64 of them at most/],
  [
    'a seed that no generator takes',
    { variants: { alone: {} }, seeds: [1e300] },
    /seeds\.0: must be at most 9007199254740991/,
  ],
  [
    'names that differ in case alone',
    { variants: { Alone: {}, alone: {} } },
    /would be called alone-0, upper and lower/,
  ],
  [
    'distillers without any teacher',
    { variants: { alone: {}, ssim: { distillers: ['ssim'] } } },
    /variants\.ssim: .*neither/,
  ],
  ['two runs of one name', { variants: { 'teacher-x': {} }, teachers: { 'x-0': 'b.ts' }, seeds: [0] }, /teacher-x-0/],
])('%s is refused', (_, study, message) => {
  expect(() => runsOf(study)).toThrow(message);
});

test('variants that differ in steps or data are refused, each key by name; other differences are what is compared', () => {
  const study = loaded({
    variants: {
      alone: {},
      longer: { epochs: 24 },
      other: { data: { train: { format: 'coco', annotations: 'more.json' } }, batchSize: 16 },
      same: { data: { train: { format: 'coco', annotations: 'train.json' }, augment: [{ name: 'flip' }] } },
    },
  });
  const parsed = (of: LoadedStudy) =>
    studyRuns(of, 'out').map((run) => ({ ...run, parsed: parseConfig(run.config, run.name) }));
  const check = () => checkSameTerms(study, parsed(study));
  expect(check).toThrow(/variants\.longer: epochs is 24, that of alone 12/);
  expect(check).toThrow(/variants\.other: batchSize is 16, that of alone 8/);
  expect(check).toThrow(/variants\.other: data\.train is \{"format":"coco","annotations":"more.json"\}/);
  expect(check).not.toThrow(/variants\.same/);
  const stopping = loaded({ variants: { alone: {}, early: { stop: { patience: 2 } } } });
  expect(() => checkSameTerms(stopping, parsed(stopping))).toThrow(/early has stop/);
});
