import { join } from 'node:path';
import { jsonFormat, toyData, toyDetector, toyTeacher } from '@kd/testing';
import { describe, expect, it } from 'vitest';
import { plugin } from '../../test/distillation.js';
import { mimic } from '../../test/mimic.js';
import { near, seenInPasses } from '../../test/near.js';
import { taught } from '../../test/taught.js';
import { lastState, of, readJson, run, toyConfig } from '../../test/toy-run.js';
import type { Config } from '../config.js';
import type { PluginScope } from '../contract/plugin.js';
import type { Teacher, TeacherDefinition } from '../contract/teacher.js';
import type { Use } from '../define.js';
import { KdError } from '../errors.js';
import { silentLogger } from '../logger.js';
import { planRun } from '../plan/plan.js';

const { distilled } = taught();
const features = (more: Partial<Config> = {}): Config =>
  toyConfig({ teacher: toyTeacher(), distillers: [near()], epochs: 2, ...more });

/** A teacher that is told when it runs. */
function watched(calls: (readonly string[])[], change: (teacher: Teacher) => Partial<Teacher> = () => ({})) {
  const { definition } = toyTeacher;
  return {
    definition: {
      ...definition,
      create: async (...given: Parameters<typeof definition.create>) => {
        const teacher = await definition.create(...given);
        return {
          ...teacher,
          forward: (images: never, wanted: readonly string[]) => {
            calls.push(wanted);
            return teacher.forward(images, wanted);
          },
          ...change(teacher),
        };
      },
    } as unknown as TeacherDefinition,
    options: {},
  } satisfies Use<TeacherDefinition>;
}

describe('a teacher of features alone', () => {
  it('teaches, and stands in the record and in the summary', async () => {
    const { out, summary, events } = await run(features());
    const logs = of(events, 'log');
    expect(logs.at(-1)!.terms['near.feat']).toBeLessThan(logs[0]!.terms['near.feat']!);
    expect(summary!.teacher).toEqual({ detector: 'toy-features', parameters: 15, trainable: 0, weights: null });
    const { teacher } = await readJson(join(out, 'config.json'));
    expect(teacher).toEqual([
      'toy-features',
      expect.objectContaining({ strides: [8, 16], input: expect.objectContaining({ fixedSize: [64, 64] }) as object }),
    ]);
  });

  it('goes on as the whole run, bit for bit, passes included', async () => {
    const config = features({ distillers: [near({ pass: true })] });
    seenInPasses.length = 0;
    const whole = await run(config);
    // Three images in batches of two, two levels, two epochs.
    expect(seenInPasses).toHaveLength(8);
    expect(seenInPasses.slice(4)).toEqual(seenInPasses.slice(0, 4));
    const first = await run(config, { stopAt: 3 });
    await run(config, { out: first.out, resume: true });
    expect(await lastState(first.out)).toEqual(await lastState(whole.out));
  });

  it('is another one with another fingerprint or other input, and the run is not gone on with', async () => {
    const first = await run(features(), { stopAt: 3 });
    const input = { fixedSize: [48, 48] as [number, number], mean: [0, 0, 0] as [number, number, number] };
    for (const teacher of [
      toyTeacher({ seed: 1 }),
      toyTeacher({ input: { ...input, std: [1, 1, 1] as [number, number, number] } }),
    ])
      await expect(run(features({ teacher }), { out: first.out, resume: true })).rejects.toThrow(
        /was trained with teacher\.weights "\w+", the config gives "\w+"/,
      );
    await expect(
      run(features({ teacher: toyTeacher({ input: { ...input, std: [1, 1, 1] } }) }), { out: first.out, resume: true }),
    ).rejects.toThrow(/teacher\.input\.fixedSize \[64,64\], the config gives \[48,48\]/);
    await expect(
      run(features({ teacher: toyTeacher({ strides: [4, 16] }) }), { out: first.out, resume: true }),
    ).rejects.toThrow(/teacher\.taps\.0\.stride 8, the config gives 4/);
  });

  it('is planned with what is resampled from where', async () => {
    const plan = await planRun(features({ teacher: toyTeacher({ strides: [4, 12] }) }), {
      format: jsonFormat,
      logger: silentLogger,
    });
    expect(plan.teacher).toMatchObject({
      name: 'toy-features',
      ahead: true,
      capabilities: [],
      levels: [
        { name: 'map4', stride: 4 },
        { name: 'map12', stride: 12 },
      ],
    });
    expect(plan.distillers[0]!.pairs).toEqual([
      { stride: 8, student: 'neck@p3', teacher: 'map12@8', resampled: { name: 'map12', stride: 12 } },
      { stride: 16, student: 'neck@p4', teacher: 'map12@16', resampled: { name: 'map12', stride: 12 } },
    ]);
    expect(plan.distillers[0]!.taps.teacher.map(({ shape }) => shape)).toEqual([
      [2, 2, 2, 5],
      [2, 1, 1, 5],
    ]);
  });

  it('runs only the wanted taps, once a batch, and not where nobody learns from it', async () => {
    const calls: (readonly string[])[] = [];
    const late = near({ taps: 'neck@p4' });
    const definition = {
      ...late.definition,
      create: (...given: Parameters<typeof late.definition.create>) => ({
        ...late.definition.create(...given),
        schedule: ({ step }: { readonly step: number }) => (step < 5 ? 0 : 1),
      }),
    };
    await run(features({ teacher: watched(calls), distillers: [{ ...late, definition }], accumulate: 1 }));
    expect(calls).toEqual(Array.from({ length: 3 }, () => ['map16']));
  });

  it.each<readonly [string, Partial<Config>, object]>([
    [
      'a method that needs more, by what it lacks',
      { distillers: [mimic({})] },
      {
        code: 'PLUGIN_REQUIRES',
        message: /plugin "mimic" needs "dense" of the teacher, but toy-features offers features/,
      },
    ],
    [
      'two maps of one stride',
      { teacher: watched([], ({ taps }) => ({ taps: [...taps, { ...taps[0]!, name: 'again' }] })) },
      { code: 'TAP_MISMATCH', message: /several taps of the teacher have the same stride/ },
    ],
    [
      'a teacher without an input rule',
      { teacher: { ...toyTeacher(), options: { input: {} } } },
      { code: 'CONFIG_INVALID', message: /input: the teacher does not say how images become its input/ },
    ],
    [
      'data that prepares no images for it',
      { data: { train: unprepared(), workers: 0 } },
      {
        code: 'DATA_INVALID',
        message: /the loader of toy does not prepare images for a teacher with an input of its own/,
      },
    ],
    [
      'what its forward throws',
      {
        teacher: watched([], () => ({
          forward: () => {
            throw new Error('no such op');
          },
        })),
      },
      { code: 'PLUGIN_HOOK', message: /teacher "toy-features": forward threw: no such op/ },
    ],
  ])('refuses %s', async (_, more, { code, message }: { code?: string; message?: RegExp }) => {
    await expect(run(features(more))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message!) as string,
    });
  });
});

function unprepared() {
  const source = toyData({ images: 8, size: 16 });
  return {
    ...source,
    open: async (...given: Parameters<typeof source.open>) => {
      const dataset = await source.open(...given);
      return {
        ...dataset,
        loader: ({ extraInputs: _, ...options }: Parameters<typeof dataset.loader>[0]) => dataset.loader(options),
      };
    },
  };
}

describe('a detector that teaches from images of its own', () => {
  it('teaches features, from images of another size', async () => {
    const { events } = await run(distilled({ student: toyDetector({ size: 32 }), distillers: [near()], epochs: 2 }));
    const logs = of(events, 'log');
    expect(logs.at(-1)!.terms['near.feat']).toBeLessThan(logs[0]!.terms['near.feat']!);
  });

  it('is refused with predictions then, by both inputs', async () => {
    await expect(run(distilled({ student: toyDetector({ size: 32 }), distillers: [mimic({})] }))).rejects.toMatchObject(
      {
        code: 'TEACHER_INVALID',
        message: expect.stringMatching(/needs "dense" of the teacher, but their inputs differ in size/) as string,
      },
    );
  });
});

it('a plugin that misses the head of such a detector is refused with that reason', async () => {
  const picky = plugin('picky', (scope: PluginScope) => {
    if (scope.teacher.dense === undefined)
      throw new KdError('PLUGIN_REQUIRES', 'picky: the teacher (toy) scores no cells.');
    return {};
  });
  const message =
    /^picky: the teacher \(toy\) scores no cells\. \(The images of toy have other sizes than the student's/;
  await expect(run(distilled({ student: toyDetector({ size: 32 }), distillers: [picky] }))).rejects.toMatchObject({
    code: 'PLUGIN_REQUIRES',
    message: expect.stringMatching(message) as string,
  });
  const foreign = run(features({ distillers: [picky] }));
  await expect(foreign).rejects.toThrow(/^picky: the teacher \(toy\) scores no cells\.$/);
});

describe('a detector of other classes', () => {
  const data = (...names: string[]) => {
    const source = toyData({ images: 8, size: 16 });
    const open = async (...given: Parameters<typeof source.open>) => ({
      ...(await source.open(...given)),
      categories: names.map((name, id) => ({ id, name })),
    });
    return { train: { ...source, open }, workers: 0 };
  };
  const reads = (otherClasses: boolean, seen: unknown[]) => {
    const { definition } = near();
    const create = (...given: Parameters<typeof definition.create>) => {
      seen.push(given[0].classes);
      return definition.create(...given);
    };
    const requires = { teacher: ['dense'] };
    return { definition: { ...definition, create, requires, otherClasses }, options: {} };
  };

  it('teaches features', async () => {
    const { summary } = await run(distilled({ data: data('cat', 'dog'), distillers: [near()], epochs: 1 }));
    expect(summary!.teacher).toMatchObject({ detector: 'toy' });
  });

  it('is refused by whoever reads predictions of the same classes alone, else matched by name and by the config', async () => {
    const seen: unknown[] = [];
    const taughtBy = (otherClasses: boolean, more: object = {}) => {
      const config = distilled({ data: data('cat', 'red'), distillers: [reads(otherClasses, seen)], epochs: 1 });
      return { ...config, teacher: { ...(config.teacher as { weights: string }), ...more } };
    };
    await expect(run(taughtBy(false))).rejects.toThrow(
      /needs "dense" of the teacher, and the classes of the teacher differ/,
    );
    await run(taughtBy(true));
    const { out } = await run(taughtBy(true, { classes: { blue: 'cat' } }));
    expect(seen).toEqual([
      { same: false, student: [1], teacher: [0] },
      { same: false, student: [0, 1], teacher: [1, 0] },
    ]);
    expect(await readJson(join(out, 'config.json'))).toMatchObject({ teacher: { classes: { blue: 'cat' } } });
    await expect(run(taughtBy(true, { classes: { blu: 'cat' } }))).rejects.toThrow(/did you mean "blue"/);
  });
});

describe('several teachers', () => {
  const two = (first = watched([]), second = watched([])) => ({ big: first, other: second });

  it('are told of where nobody learns from one', async () => {
    const said: string[] = [];
    const logger = { info: () => {}, warn: (line: string) => void said.push(line) };
    const distillers = [{ ...near(), options: { teacher: 'big' } }];
    await run({ ...features({ distillers, epochs: 1 }), teacher: undefined, teachers: two() }, { logger });
    expect(said).toContain(
      'nothing is learned from the teacher "other": no distiller names it. Give one the option teacher: "other", or drop it.',
    );
    expect(said.join()).not.toContain('from the teacher "big"');
    const named = { ...features({ distillers, epochs: 1 }), teacher: undefined, teachers: two() } as Config;
    const { teachers } = await planRun(named, { format: jsonFormat, logger: silentLogger });
    expect(teachers).toMatchObject({ big: { ahead: true }, other: { unread: true } });
    expect(teachers!['big']).not.toHaveProperty('unread');
  });

  it('each run for whoever learns from it, and stand by name in record, summary and plan', async () => {
    const calls: Record<'big' | 'other', (readonly string[])[]> = { big: [], other: [] };
    const named = {
      ...features({
        distillers: [
          { ...near(), options: { teacher: 'big' } },
          { ...near(), options: { teacher: 'other', taps: 'neck@p3' }, as: 'second' },
        ],
        epochs: 1,
      }),
      teacher: undefined,
      teachers: two(watched(calls.big), watched(calls.other)),
    } as unknown as Config;
    const { out, summary } = await run(named);
    expect(calls).toEqual({
      big: Array.from({ length: 4 }, () => ['map8', 'map16']),
      other: Array.from({ length: 4 }, () => ['map8']),
    });
    expect(summary).toMatchObject({ teacher: null, teachers: { big: { detector: 'toy-features' }, other: {} } });
    expect(await readJson(join(out, 'config.json'))).toMatchObject({
      teachers: { big: ['toy-features', {}], other: ['toy-features', {}] },
      distillers: [
        ['near', { teacher: 'big' }],
        ['near', { teacher: 'other', taps: 'neck@p3' }, { as: 'second' }],
      ],
    });
    const plan = await planRun(named, { format: jsonFormat, logger: silentLogger });
    expect([plan.teacher, Object.keys(plan.teachers!)]).toEqual([null, ['big', 'other']]);
    expect(plan.distillers.map(({ teacher }) => teacher)).toEqual(['big', 'other']);
  });

  it.each([
    [
      {},
      /distiller "near": there are several teachers: "big", "other"\. Say which it learns from: \["near", \{ teacher: "big" \}\]/,
    ],
    [{ teacher: 'othr' }, /distiller "near": teacher "othr" is none of the run; did you mean "other"\?/],
  ])('are told apart by name: %j', async (options, message) => {
    const config = { ...features({ distillers: [{ ...near(), options }] }), teacher: undefined, teachers: two() };
    await expect(run(config as Config)).rejects.toThrow(message);
  });

  it('are not given beside a single one', async () => {
    await expect(run({ ...features(), teachers: two() })).rejects.toThrow(/teachers: there is a teacher too/);
  });
});
