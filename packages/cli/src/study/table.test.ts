import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MetricResult, parseStudy, type Summary } from '@kd/core';
import { expect, test } from 'vitest';
import type { RunFigures } from './run-figures.js';
import { studyTable } from './table.js';
import { tableLines, writeTable } from './table-files.js';
import { notes, tableParts } from './table-parts.js';

const NASTY = '<b>cell|s</b>';
const of = { data: 'validation data (v)', classes: ['RBC', NASTY], metric: { name: 'coco', primary: 'AP' } };
const study = (seeds: number[]) => ({
  name: 'blood',
  study: parseStudy({ student: 'a.ts', seeds, variants: { alone: {}, ssim: {}, more: { init: 'alone' } } }, 'a'),
});

/** A run whose resamplings lie evenly around its figure. */
function run(
  variant: string,
  seed: number,
  ap: number,
  more: { why?: string; steps?: number; step?: number } = {},
): RunFigures {
  const around = (value: number): Float64Array =>
    Float64Array.from({ length: 1001 }, (_, k) => value + (k - 500) * 1e-5);
  const names = { RBC: ap + 0.1, [NASTY]: ap - 0.1 };
  return {
    run: {
      name: `${variant}-${seed}`,
      variant,
      seed,
      startsFrom: variant === 'more' ? { name: `alone-${seed}`, folder: '' } : null,
    } as RunFigures['run'],
    missing: more.why ?? null,
    record: null,
    done:
      more.why !== undefined
        ? null
        : {
            summary: { minutes: 2, steps: more.steps ?? 300 } as Summary,
            result: {
              metrics: { AP: ap, AP50: 2 * ap, APs: -1, AR1: 0.1 },
              perClass: Object.entries(names).map(([name, AP], id) => ({ category: { id, name }, metrics: { AP } })),
            } as MetricResult,
            resampled: { primary: around(ap), perClass: Object.values(names).map(around) },
            secondsPerStep: more.step ?? 0.5,
          },
  };
}

const figures = [
  ...[0.3, 0.32, 0.34].map((ap, seed) => run('alone', seed, ap)),
  ...[0.4, 0.41, 0.45].map((ap, seed) => run('ssim', seed, ap, { step: 0.6 })),
  run('more', 0, 0.5),
  run('more', 1, 0, { why: '[NON_FINITE] a loss' }),
  run('more', 2, 0, { why: 'needs alone-2, which failed' }),
];

test('means, deviations, gains, chance and costs by hand', () => {
  const { variants } = studyTable(study([0, 1, 2]), { figures, images: 87 }, of);
  const [alone, ssim, more] = variants;
  expect(alone).toMatchObject({ cost: 1, minutes: 2, steps: 300, missing: [] });
  expect(alone!.figure).toEqual({ mean: expect.closeTo(0.32, 12), deviation: expect.closeTo(0.02, 12), gain: null });
  expect(ssim!.cost).toBeCloseTo(1.2, 12);
  expect(ssim!.figure!.mean).toBeCloseTo(0.42, 12);
  expect(ssim!.figure!.deviation).toBeCloseTo(Math.sqrt(0.0014 / 2), 12);
  // The same draws on both sides: where all move alike, the difference does not.
  expect(ssim!.figure!.gain).toEqual({
    value: expect.closeTo(0.1, 12),
    interval: [expect.closeTo(0.1, 12), expect.closeTo(0.1, 12)],
    chance: 'none',
  });
  expect(ssim!.perClass[NASTY]!.mean).toBeCloseTo(0.32, 12);
  expect(ssim!.others).toMatchObject({ AP50: expect.closeTo(0.84, 12), APs: -1 });
  // 600 steps in all: no gain over 300.
  expect(more).toMatchObject({ seeds: [0], steps: 600, figure: { deviation: null, gain: null } });
  expect(more!.missing).toEqual([
    { seed: 1, why: '[NON_FINITE] a loss' },
    { seed: 2, why: 'needs alone-2, which failed' },
  ]);
});

test('a gain is of the seeds that both have; of one seed no deviation is made up', () => {
  const own = [run('alone', 0, 0.3), run('alone', 1, 0, { why: 'gone' }), run('ssim', 0, 0.36), run('ssim', 1, 0.9)];
  const table = studyTable(study([0, 1]), { figures: own, images: 87 }, of);
  const ssim = table.variants[1]!;
  expect(ssim.figure!.gain).toMatchObject({ value: expect.closeTo(0.06, 12), chance: 'one seed' });
  const [head, alone, taught, more] = [tableParts(table)[0]!.head, ...tableParts(table)[0]!.rows];
  expect(Object.fromEntries(head.map((name, i) => [name, alone![i]]))).toMatchObject({
    seeds: '1 of 2',
    deviation: '–',
  });
  expect(Object.fromEntries(head.map((name, i) => [name, taught![i]]))).toMatchObject({
    'gain over alone': '+6.0',
    'told from chance': 'one seed',
  });
  expect(more!.slice(1, 3)).toEqual(['0', '–']);
  expect(notes([table]).join('\n')).toContain('There are figures of one seed');
  expect(notes([table])).toContain('alone, seed 1: gone');
});

test('runs that are missing for one reason are told in one line', () => {
  const why = 'not trained yet';
  const some = [run('alone', 0, 0.3), run('alone', 1, 0, { why }), run('alone', 2, 0, { why }), run('ssim', 0, 0.4)];
  const { variants, ...rest } = studyTable(
    study([0, 1, 2]),
    { figures: [...some, run('ssim', 1, 0, { why: 'a loss' }), run('ssim', 2, 0, { why })], images: 87 },
    of,
  );
  expect(notes([{ variants, ...rest }]).slice(-2)).toEqual([
    'alone, seeds 1 and 2; ssim, seed 2: not trained yet',
    'ssim, seed 1: a loss',
  ]);
});

test('one list of rows on all pages; names with markup are text on each', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kd-study-'));
  const table = studyTable(study([0, 1, 2]), { figures, images: 87 }, of);
  await writeTable(folder, [table]);
  const [json, markdown, html] = await Promise.all(
    ['table.json', 'table.md', 'index.html'].map((name) => readFile(join(folder, name), 'utf8')),
  );
  expect(JSON.parse(json!)).toEqual({ study: 'blood', tables: [JSON.parse(JSON.stringify(table))] });
  for (const page of [markdown!, html!]) {
    expect(page).not.toContain('<b>');
    expect(page).toContain('&lt;b&gt;cell');
    for (const text of ['+10.0', 'NON_FINITE', '42.0']) expect(page.replaceAll('\\', '')).toContain(text);
  }
  // A reason is no wide cell under AP.
  expect(html).toMatch(/<td class="words" colspan="\d+">[^<]*NON_FINITE/);
  // Every row of a table has the cells of its head.
  for (const part of markdown!.split('\n## ')) {
    const cells = part
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) => line.replaceAll('\\|', '').split('|').length);
    expect(new Set(cells).size).toBeLessThan(2);
  }
  expect(html).not.toMatch(/<script|https?:/);
  expect(tableLines([table]).join('\n')).toMatch(
    /ssim +3 +42\.0 +2\.6 +\+10\.0 +\+10\.0 … \+10\.0 +yes +2\.0 +1\.20 × +300/,
  );
});
